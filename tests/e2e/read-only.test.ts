/** A project opened for looking only: everything can be seen, nothing can be changed, and the file stays byte for byte. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWorkstation } from '../../src/main/workstation.ts';
import { serveProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary.ts';

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('served with --read-only, a project shows its tiles and refuses a stroke in words', async () => {
  const folder = temporaryFolder();
  const workstation = await openWorkstation({ projectFolder: folder, shell: 'command-line', furnish: true });
  const [job] = await workstation.handlers.job.list(undefined, { signal: undefined });
  workstation.handlers.job.cancel({ jobId: job!.jobId }, { signal: undefined });
  await workstation.close();
  const before = hashOf(join(folder, 'project.sqlite'));

  const program = await serveProgram(['--project', folder, '--read-only']);
  try {
    const cookie = (await fetch(program.url, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0] ?? '';
    const { origin } = new URL(program.url);
    const call = async (name: string, input?: unknown) => {
      const headers = { cookie, origin, 'content-type': 'application/json' };
      return (
        await fetch(`${origin}/rpc/${name}`, { method: 'POST', headers, body: JSON.stringify({ json: input }) })
      ).json();
    };
    const project = (await call('project/get')).json;
    expect(project.readOnly).toBe(true);
    const [{ slideId }] = project.slides;
    expect((await fetch(`${origin}/tile/${slideId}/4/1/1`, { headers: { cookie } })).status).toBe(200);
    const operation = { kind: 'stroke', points: [100, 100], radius: 9, label: 2 };
    const refused = await call('mask/edit', {
      slideId,
      requestId: 'r',
      operation,
      predictionLayerId: null,
      tool: 'brush',
    });
    expect(refused.json).toMatchObject({ code: 'disk-read-only' });
    expect(refused.json.message.length).toBeGreaterThan(20);
  } finally {
    await program.stop();
  }
  expect(hashOf(join(folder, 'project.sqlite'))).toBe(before);
});
