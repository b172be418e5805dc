/**
 * The watch that airplane-mode tests rely on catches who offends. The offenders reach no further than this machine:
 * they bind the wildcard address, or point a socket at an address of this machine's own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { canWatchSockets, familyOf, watchSockets } from '../../fixtures/airplane.ts';

const ownAddress = Object.values(networkInterfaces())
  .flat()
  .find((face) => face?.family === 'IPv4' && !face.internal)?.address;

const running: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Runs a script in a process of its own until it says `ready`. */
async function run(script: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  await once(child.stdout, 'data');
  return child.pid as number;
}

const listenOn = (host: string) => `require('net').createServer().listen(0, '${host}', () => console.log('ready'))`;
const inChild = (script: string) =>
  `const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(script)}], { stdio: ['ignore', 1, 2] });
   process.on('exit', () => child.kill('SIGKILL'))`;

describe.runIf(canWatchSockets)('a watched process', () => {
  test.each(['127.0.0.1', '127.0.0.2', '::1'])('that listens on %s is no offender', async (host) => {
    const watch = watchSockets(await run(listenOn(host)));
    expect(watch.stop()).toEqual([]);
  });

  test('that talks over loopback is no offender', async () => {
    const pid =
      await run(`const server = require('net').createServer((peer) => peer.resume()).listen(0, '127.0.0.1', () => {
      require('net').connect(server.address().port, '127.0.0.1', () => console.log('ready'));
    })`);
    expect(watchSockets(pid).stop()).toEqual([]);
  });

  test.each([
    ['0.0.0.0', /^0\.0\.0\.0:\d+$/],
    ['::', /^\[0000:.*\]:\d+$/],
  ])('that listens on %s is caught', async (host, local) => {
    const pid = await run(listenOn(host));
    expect(watchSockets(pid).stop()).toEqual([expect.objectContaining({ pid, local: expect.stringMatching(local) })]);
  });

  test('whose child listens on the wildcard address is caught through the child', async () => {
    const pid = await run(inChild(listenOn('0.0.0.0')));
    const [, child] = familyOf(pid);
    running.push({ kill: () => process.kill(child as number, 'SIGKILL') } as never);
    expect(watchSockets(pid).stop()).toEqual([expect.objectContaining({ pid: child, protocol: 'tcp' })]);
  });

  test('that offends only later and only for a moment is caught', async () => {
    const pid = await run(`console.log('ready'); setTimeout(() => {
      const server = require('net').createServer().listen(0, '0.0.0.0', () => setTimeout(() => server.close(), 200));
    }, 100); setInterval(() => {}, 1000)`);
    const watch = watchSockets(pid);
    const looked = watch.looks();
    await vi.waitFor(() => expect(watch.looks()).toBeGreaterThan(looked + 15), 5000);
    expect(watch.stop()).toHaveLength(1);
  });

  describe.runIf(ownAddress !== undefined)('with a socket to a network address (of this machine itself)', () => {
    test('over UDP is caught', async () => {
      const pid = await run(`const socket = require('dgram').createSocket('udp4');
        socket.bind(0, '127.0.0.1', () => { socket.close(); });
        const other = require('dgram').createSocket('udp4');
        other.connect(9, '${ownAddress}', () => console.log('ready'))`);
      expect(watchSockets(pid).stop()).toEqual([
        expect.objectContaining({ pid, protocol: 'udp', remote: `${ownAddress}:9` }),
      ]);
    });

    test('over TCP is caught', async () => {
      const pid =
        await run(`const server = require('net').createServer((peer) => peer.resume()).listen(0, '${ownAddress}', () => {
        require('net').connect(server.address().port, '${ownAddress}', () => console.log('ready'));
      })`);
      const offences = watchSockets(pid).stop();
      expect(offences.some(({ remote }) => remote.startsWith(`${ownAddress}:`))).toBe(true);
    });
  });

  test('that is gone has nothing to tell', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    expect(watchSockets(child.pid as number).stop()).toEqual([]);
  });
});
