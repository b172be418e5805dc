/**
 * Shell 1 in the real Electron, where its program is installed and there is a display; elsewhere it is skipped loudly and
 * the stand-in (tests/main/shell/electron-shell.test.ts) is all there is. Must never start a download of Electron.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { _electron as playwright } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { canWatchSockets, watchSockets } from '../fixtures/airplane.ts';
import { root } from '../fixtures/source-imports.ts';
import { temporaryFolder } from '../fixtures/temporary.ts';

const folder = join(root, 'node_modules', 'electron');

/** Path of the installed program. `require('electron')` would fetch it, so its own note of the path is read instead. */
function electronProgram(): string | null {
  const note = join(folder, 'path.txt');
  if (!existsSync(note)) return null;
  const program = join(
    process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(folder, 'dist'),
    readFileSync(note, 'utf8').trim(),
  );
  return existsSync(program) ? program : null;
}

function reasonToSkip(): string | null {
  if (electronProgram() === null) return 'Electron’s program is not installed (npm run electron:install fetches it)';
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return 'there is no display';
  if (process.platform === 'linux' && process.getuid?.() === 0) return 'Electron does not run as root';
  if (!existsSync(join(root, 'out', 'main', 'index.js'))) return 'the program is not built (npm run build)';
  return null;
}

const preload = join(root, 'out', 'preload', 'index.cjs');

test.skipIf(!existsSync(join(root, 'out')))(
  'the built preload is a plain script, as a sandboxed window loads no module',
  () => {
    const script = readFileSync(preload, 'utf8');
    expect(script).not.toMatch(/^(?:import|export)\s/m);
    expect(script.match(/require\(/g)).toHaveLength(1);
  },
);

const reason = reasonToSkip();
if (reason !== null) console.warn(`SKIPPED, the Electron shell is not run here: ${reason}`);

describe.skipIf(reason !== null)('the real Electron', () => {
  test('opens the workstation in a window without Node, and reaches no further than this machine', async () => {
    const shell = await playwright.launch({
      executablePath: electronProgram() as string,
      args: [root, '--project', join(temporaryFolder(), 'project'), `--user-data-dir=${temporaryFolder()}`],
    });
    const pid = shell.process().pid as number;
    const watch = canWatchSockets ? watchSockets(pid) : null;
    try {
      const page = await shell.firstWindow();
      await page.waitForLoadState('load');
      expect(page.url()).toBe('app://workstation/');
      const seen = await page.evaluate(async () => ({
        shell: (globalThis as { histoloop?: { shell: string } }).histoloop?.shell,
        node: [typeof Reflect.get(globalThis, 'require'), typeof Reflect.get(globalThis, 'process')],
        outside: await fetch('http://127.0.0.1:9/').then(
          () => 'reached',
          () => 'refused',
        ),
        opened: window.open('https://example.invalid/') === null,
        status: await fetch('/rpc/app/status', {
          method: 'POST',
          body: '{}',
          headers: { 'content-type': 'application/json' },
        }).then(async (answer) => (await answer.json()).json?.shell),
      }));
      expect(seen).toEqual({
        shell: 'electron',
        node: ['undefined', 'undefined'],
        outside: 'refused',
        opened: true,
        status: 'electron',
      });
      expect(await page.locator('body').textContent()).not.toBe('');
    } finally {
      await shell.close();
    }
    expect(watch?.stop() ?? []).toEqual([]);
  });
});
