/** Shell 2 as a whole: a real process with a real workstation, its address, its sockets and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canWatchSockets, familyOf, watchSockets } from '../../fixtures/airplane.ts';
import { makeWindow } from './served-window.ts';

const entry = resolve(import.meta.dirname, '../../../src/main/serve.ts');
const script = join(import.meta.dirname, 'serve-child.ts');

let folder: string;
const running = new Set<ChildProcess>();
beforeAll(() => {
  folder = makeWindow();
});
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program and collects what it says. */
function start(...args: string[]) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.err += chunk;
  });
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return { child, said, ended, pid: child.pid as number };
}

/** Starts the shell on a project and waits for its address. */
async function startShell(project: string) {
  const shell = start(script, join(folder, project), join(folder, 'renderer'));
  const ended = shell.ended.then((code) => Promise.reject(new Error(`ended with ${code}: ${shell.said.err}`)));
  await Promise.race([ended, once(shell.child.stdout, 'data')]);
  ended.catch(() => {});
  return { ...shell, url: shell.said.out.trim().replace('histoloop: ', '') };
}

/** Exchanges a launch address for the cookie that later requests bring; `post` makes a call without input. */
async function admit(url: string): Promise<(path: string, post?: 'post') => Promise<Response>> {
  const answer = await fetch(url, { redirect: 'manual' });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  const { origin } = new URL(url);
  return (path, post) => {
    const headers = { cookie, origin, 'content-type': 'application/json' };
    if (post === undefined) return fetch(`${origin}${path}`, { headers });
    return fetch(`${origin}${path}`, { method: 'POST', headers, body: '{}' });
  };
}

describe('the browser shell', () => {
  test('prints one line with its address, serves the workstation in airplane mode, and leaves nothing running', async () => {
    const shell = await startShell('first');
    expect(shell.said.out).toMatch(/^histoloop: http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{22}\n$/);
    const watch = canWatchSockets ? watchSockets(shell.pid) : null;
    const ask = await admit(shell.url);
    expect(await (await ask('/')).text()).toContain('<title>window</title>');
    const status = await (await ask('/rpc/app/status', 'post')).json();
    expect(status.json).toMatchObject({ shell: 'browser', provider: 'cpu' });
    const family = canWatchSockets ? familyOf(shell.pid) : [];
    const offences = watch?.stop() ?? [];
    expect(offences).toEqual([]);

    const start = performance.now();
    shell.child.kill('SIGTERM');
    shell.child.kill('SIGINT');
    expect(await shell.ended).toBe(0);
    expect(performance.now() - start).toBeLessThan(10_000);
    await vi.waitFor(() => expect(family.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]), 5000);
  });

  test('that is stopped with a window open closes all the same, and its project can be opened again', async () => {
    const shell = await startShell('again');
    const ask = await admit(shell.url);
    const events = await ask('/rpc/app/events', 'post');
    expect(events.headers.get('content-type')).toContain('text/event-stream');
    shell.child.kill('SIGINT');
    expect(await shell.ended).toBe(0);
    const next = await startShell('again');
    expect(next.url).not.toBe(shell.url);
    next.child.kill('SIGTERM');
    expect(await next.ended).toBe(0);
  });

  test('on a project that is open elsewhere says so and ends with 1; the other goes on', async () => {
    const first = await startShell('locked');
    const second = start(script, join(folder, 'locked'), join(folder, 'renderer'));
    expect(await second.ended).toBe(1);
    expect(second.said.err).toMatch(/^histoloop: .*(?:open|use)/m);
    expect(second.said.out).toBe('');
    expect((await (await admit(first.url))('/')).status).toBe(200);
    first.child.kill('SIGTERM');
    await first.ended;
  });

  test('without a window of its own leaves no process behind', async () => {
    const shell = start(script, join(folder, 'nowhere'), join(folder, 'no-such-window'));
    expect(await shell.ended).toBe(1);
    expect(shell.said.err).toMatch(/npm run build/);
  });

  test.each([
    [['--port', 'many'], /--port many is not a port/],
    [['--colour'], /--colour/],
  ])('%j is not understood: status 2', async (args, sentence) => {
    const shell = start(entry, ...args);
    expect(await shell.ended).toBe(2);
    expect(shell.said.err).toMatch(sentence);
  });
});
