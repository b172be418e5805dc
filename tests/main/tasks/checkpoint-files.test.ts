import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRandom } from '../../../src/core/random.ts';
import { newestCheckpoint, writeCheckpoint } from '../../../src/main/tasks/checkpoint-files.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { checkpointAt } from './checkpoint-at.ts';

const KILLS = 50;

/** Lets a child write from `step` on for a moment, kills it, and gives the last step that it said was written. */
function writeUntilKilled(folder: string, step: number, afterMs: number): Promise<number> {
  const script = new URL('./checkpoint-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder, String(step)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  return new Promise((resolve) => {
    child.stdout.on('data', (chunk) => {
      if (said === '') setTimeout(() => child.kill('SIGKILL'), afterMs);
      said += chunk;
    });
    child.on('close', () => resolve(Number(said.trim().split('\n').at(-1))));
  });
}

test(`killed ${KILLS} times while it writes, a checkpoint is always there and never torn`, async () => {
  const folder = join(temporaryFolder(), 'training');
  const random = createRandom(11);
  let halfWritten = 0;
  let last = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const acknowledged = await writeUntilKilled(folder, last + 1, random.next() * 40);
    if (readdirSync(folder).some((name) => name.endsWith('.part'))) halfWritten++;
    const { checkpoint, refused } = await newestCheckpoint(folder, 'made up');
    expect(refused).toEqual([]);
    last = checkpoint!.losses.length;
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    expect(checkpoint).toEqual(checkpointAt(last));
  }
  expect(halfWritten).toBeGreaterThan(0);
}, 120_000);

test('the one before stays until the new one has been read back, then it goes', async () => {
  const folder = temporaryFolder();
  await writeCheckpoint(folder, checkpointAt(1));
  mkdirSync(join(folder, 'step-000002.checkpoint'));
  await expect(writeCheckpoint(folder, checkpointAt(2))).rejects.toMatchObject({ code: expect.any(String) });
  expect((await newestCheckpoint(folder, 'made up')).checkpoint).toEqual(checkpointAt(1));
  await writeCheckpoint(folder, checkpointAt(3));
  expect(readdirSync(folder)).toEqual(['step-000003.checkpoint']);
});

test('damaged, foreign, empty and huge files are passed over in words, and the one before is used', async () => {
  const folder = temporaryFolder();
  await writeCheckpoint(folder, checkpointAt(4));
  const whole = readFileSync(join(folder, 'step-000004.checkpoint'));
  const flipped = Buffer.from(whole);
  flipped[whole.length >> 1]! ^= 4;
  writeFileSync(join(folder, 'step-000005.checkpoint'), flipped);
  writeFileSync(join(folder, 'step-000006.checkpoint'), whole.subarray(0, whole.length - 9));
  writeFileSync(join(folder, 'step-000007.checkpoint'), '{"a": "page"}');
  writeFileSync(join(folder, 'step-000008.checkpoint'), '');
  writeFileSync(join(folder, 'step-000009.checkpoint'), '');
  truncateSync(join(folder, 'step-000009.checkpoint'), 3 * 2 ** 30);
  writeFileSync(join(folder, 'step-000099.checkpoint.part'), whole);
  const { checkpoint, refused } = await newestCheckpoint(folder, 'made up');
  expect(checkpoint).toEqual(checkpointAt(4));
  expect(refused.map((line) => line.slice(0, 11))).toEqual([9, 8, 7, 6, 5].map((step) => `step-00000${step}`));
  expect(refused.join('\n')).toMatch(/has 3221225472 bytes.*not a checkpoint.*not a checkpoint.*cut short.*damaged/s);
});

test('where nothing was left there is nothing to go on from', async () => {
  expect(await newestCheckpoint(join(temporaryFolder(), 'none'), 'made up')).toEqual({ checkpoint: null, refused: [] });
});

test('a newer checkpoint of another training is passed over', async () => {
  const folder = temporaryFolder();
  await writeCheckpoint(folder, { ...checkpointAt(9), identity: 'another' });
  const { checkpoint, refused } = await newestCheckpoint(folder, 'made up');
  expect(checkpoint).toBeNull();
  expect(refused).toEqual([expect.stringMatching(/another training/)]);
});
