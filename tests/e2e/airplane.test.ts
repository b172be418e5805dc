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
    await call('export/start', { slideIds: [slides[0].slideId], formats: ['geojson'], folder: null });
    await expect.poll(async () => (await call('job/list'))[1].state, { timeout: 60_000, interval: 500 }).toBe('done');
    expect(watch.looks()).toBeGreaterThan(10);
  } finally {
    await program.stop();
  }
  expect(watch.stop()).toEqual([]);
});
