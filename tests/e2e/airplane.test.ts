/** «Airplane mode»: the served workstation, used from end to end, opens no socket beyond this machine. */
import { expect, test } from 'vitest';
import { canWatchSockets, watchSockets } from '../fixtures/airplane.ts';
import { serveProgram } from '../fixtures/program.ts';
import { temporaryFolder } from '../fixtures/temporary.ts';

test.runIf(canWatchSockets)('the program listens on loopback only and calls nobody', async () => {
  const program = await serveProgram([], { XDG_DATA_HOME: temporaryFolder() });
  const watch = watchSockets(program.pid);
  try {
    const cookie = (await fetch(program.url, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0] ?? '';
    const origin = new URL(program.url).origin;
    const call = async (name: string, input?: unknown) => {
      const headers = { cookie, origin, 'content-type': 'application/json' };
      const body = JSON.stringify({ json: input });
      const answer = await fetch(`${origin}/rpc/${name}`, { method: 'POST', headers, body });
      expect(answer.status, name).toBe(200);
      return (await answer.json()).json;
    };
    await call('app/status');
    const { slides } = await call('project/get');
    await fetch(`${origin}/tile/${slides[0].slideId}/0/20/20`, { headers: { cookie } });
    await expect.poll(async () => (await call('job/list'))[0].state, { timeout: 120_000, interval: 500 }).toBe('done');
    const { predictions } = await call('slide/get', { slideId: slides[0].slideId });
    const accept = { kind: 'accept', points: [7168, 7168, 9216, 7168, 9216, 9216, 7168, 9216] };
    const operation = { ...accept, predictionLayerId: predictions[0].layerId };
    const edit = { slideId: slides[0].slideId, requestId: 'a', operation, predictionLayerId: null, tool: 'accept' };
    expect((await call('mask/edit', edit)).tiles.length).toBeGreaterThan(0);
    await call('train/start', { steps: 3, seed: 1 });
    const learned = async () => (await call('job/list')).find((job: { kind: string }) => job.kind === 'train').state;
    await expect.poll(learned, { timeout: 120_000, interval: 500 }).toBe('done');
    await call('export/start', { slideIds: [slides[0].slideId], formats: ['geojson'], folder: null });
    const exported = async () => (await call('job/list')).find((job: { kind: string }) => job.kind === 'export').state;
    await expect.poll(exported, { timeout: 60_000, interval: 500 }).toBe('done');
    expect(watch.looks()).toBeGreaterThan(10);
  } finally {
    await program.stop();
  }
  expect(watch.stop()).toEqual([]);
});
