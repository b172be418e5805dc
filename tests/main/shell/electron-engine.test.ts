/** The engine's process as Electron starts it: a ChildPort like Node's own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { utilityChildSpawner } from '../../../src/main/electron-engine.ts';
import { createElectronStandIn, type UtilityChildStandIn } from './electron-stand-in.ts';

function start() {
  const standIn = createElectronStandIn();
  const port = utilityChildSpawner(standIn.electron.utilityProcess)('/program/out/main/engine-child.js');
  return { port, child: standIn.children[0] as UtilityChildStandIn };
}

describe('a child in a utilityProcess', () => {
  test('is spoken to and heard', () => {
    const { port, child } = start();
    const heard: unknown[] = [];
    port.onMessage((message) => heard.push(message));
    port.post({ id: 1 });
    child.emit('message', { id: 1, value: 2 });
    expect(child.posted).toEqual([{ id: 1 }]);
    expect(heard).toEqual([{ id: 1, value: 2 }]);
  });

  test('has its id as soon as Electron knows it', () => {
    const { port, child } = start();
    expect(port.pid).toBeUndefined();
    child.pid = 123;
    expect(port.pid).toBe(123);
  });

  test('that dies leaves its code and its last words, and later messages are lost without an error', async () => {
    const { port, child } = start();
    child.stderr.write('x'.repeat(5000));
    child.stderr.write('out of memory');
    const exits: unknown[] = [];
    port.onExit((...facts) => exits.push(facts));
    await vi.waitFor(() => expect(child.stderr.readableLength).toBe(0));
    child.emit('exit', 134);
    await vi.waitFor(() => expect(exits).toHaveLength(1));
    const [code, signal, lastWords] = exits[0] as [number, null, string];
    expect([code, signal, lastWords.length]).toEqual([134, null, 2000]);
    expect(lastWords).toMatch(/out of memory$/);
    expect(() => port.post('too late')).not.toThrow();
    expect(child.posted).toEqual([]);
  });

  test('is killed the hard way, and killing it again is harmless', async () => {
    const { port, child } = start();
    const real = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)']);
    await once(real, 'spawn');
    child.pid = real.pid;
    port.kill();
    const [, signal] = await once(real, 'exit');
    expect(signal).toBe('SIGKILL');
    expect(() => port.kill()).not.toThrow();
  });
});
