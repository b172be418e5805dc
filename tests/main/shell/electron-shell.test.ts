/** Shell 1 on a stand-in: what the window may not do, what reaches the workstation, and how it ends. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HistoloopError } from '../../../src/core/errors.ts';
import type { Handler } from '../../../src/main/api.ts';
import { choosePathChannel, startElectronShell } from '../../../src/main/electron-shell.ts';
import { contentSecurityPolicy } from '../../../src/main/security-headers.ts';
import { createContents, createElectronStandIn, type ElectronStandIn } from './electron-stand-in.ts';
import { makeWindow, streamOf } from './served-window.ts';

let standIn: ElectronStandIn;
let folder: string;
let handler: Handler;
let opened: string[];
let closed: number;
let errors: unknown[];

beforeEach(() => {
  folder = makeWindow();
  standIn = createElectronStandIn();
  handler = async () => new Response('handled');
  opened = [];
  errors = [];
  closed = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(openWorkstation?: () => Promise<never>): Promise<boolean> {
  return startElectronShell(standIn.electron, {
    rendererFolder: join(folder, 'renderer'),
    preloadPath: '/program/out/preload/index.cjs',
    onError: (error) => errors.push(error),
    openWorkstation:
      openWorkstation ??
      (async () => ({
        handler: (request) => handler(request),
        openFolder: (path) => void opened.push(path),
        close: async () => {
          await wait(10);
          closed += 1;
        },
      })),
  });
}

const ask = (path: string, init?: RequestInit) => standIn.fetch(new Request(`app://workstation${path}`, init));

describe('the window', () => {
  test('is isolated, sandboxed and without Node', async () => {
    await start();
    expect(standIn.windows).toHaveLength(1);
    expect(standIn.windows[0]?.options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      webviewTag: false,
      preload: '/program/out/preload/index.cjs',
    });
    expect(standIn.windows[0]?.loaded).toEqual(['app://workstation/']);
  });

  test('comes after sandbox, scheme and lock were set, which Electron takes only before it is ready', async () => {
    await start();
    const order = standIn.log;
    for (const early of ['sandbox', 'schemes', 'lock'])
      expect(order.indexOf(early)).toBeLessThan(order.indexOf('ready'));
    expect(order.indexOf('ready')).toBeLessThan(order.indexOf('window'));
  });

  test('gets a scheme that is secure and streams, and that other origins cannot call', async () => {
    await start();
    const privileges = { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true };
    expect(standIn.schemes).toEqual([{ scheme: 'app', privileges }]);
  });

  test.each([
    'https://example.org/',
    'http://127.0.0.1:8080/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:text/html,x',
    'app://other/',
    'app://workstation.evil/',
    'app://workstation@evil/',
  ])('goes nowhere but home: %s', async (url) => {
    await start();
    const page = createContents();
    standIn.appEvents.emit('web-contents-created', {}, page.contents);
    for (const event of ['will-navigate', 'will-frame-navigate', 'will-redirect'])
      expect(page.goesTo(url, event)).toBe(false);
    expect(page.goesTo('app://workstation/')).toBe(true);
  });

  test('opens no other, holds no webview and hides the machine’s addresses', async () => {
    await start();
    const page = createContents();
    standIn.appEvents.emit('web-contents-created', {}, page.contents);
    expect(page.opensWindows()).toBe(false);
    expect(page.attachesWebview()).toBe(false);
    expect(page.webRtc()).toBe('disable_non_proxied_udp');
  });

  test.each(['media', 'geolocation', 'notifications', 'clipboard-read', 'openExternal', 'usb', 'unknown'])(
    'is granted no %s',
    async (permission) => {
      await start();
      expect(standIn.grants(permission)).toBe(false);
    },
  );

  test('downloads nothing', async () => {
    await start();
    expect(standIn.refusesDownload()).toBe(true);
  });

  test('is brought to the front when the program is started again', async () => {
    await start();
    standIn.appEvents.emit('second-instance');
    expect(standIn.windows[0]?.done).toEqual(['restore', 'focus']);
  });
});

describe('the network', () => {
  test.each([
    'https://example.org/x',
    'http://127.0.0.1:9/',
    'ws://example.org/',
    'wss://example.org/',
    'ftp://example.org/',
    'file:///etc/passwd',
    'app://elsewhere/',
    'APP://elsewhere/',
    'chrome-extension://abc/x',
  ])('%s is not let out', async (url) => {
    await start();
    expect(standIn.letsOut(url)).toBe(false);
  });

  test.each([
    'app://workstation/',
    'app://workstation/assets/app.js',
    'blob:app://workstation/1',
    'data:image/png,',
    'devtools://devtools/x',
  ])('%s stays here and passes', async (url) => {
    await start();
    expect(standIn.letsOut(url)).toBe(true);
  });

  test('Chromium itself resolves no name and calls nobody', async () => {
    await start();
    expect(standIn.switches.get('host-resolver-rules')).toBe('MAP * ~NOTFOUND');
    expect(standIn.switches.has('disable-background-networking')).toBe(true);
    expect(standIn.switches.has('disable-component-update')).toBe(true);
  });
});

describe('through the scheme', () => {
  test('the window’s files come with the same policy as over HTTP', async () => {
    await start();
    for (const path of ['/', '/assets/app-1a2b.js', '/no-such', '/tile/s/0/0/0']) {
      expect((await ask(path)).headers.get('content-security-policy')).toBe(contentSecurityPolicy);
    }
    expect(await (await ask('/')).text()).toContain('<title>window</title>');
  });

  test('a POST reaches the handler with method, headers and every byte of its body', async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 256);
    handler = async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      return Response.json([
        request.method,
        request.headers.get('x-kind'),
        body.length,
        body.every((b, i) => b === bytes[i]),
      ]);
    };
    await start();
    const answer = await ask('/rpc/mask/edit', { method: 'POST', body: bytes, headers: { 'x-kind': 'stroke' } });
    expect(await answer.json()).toEqual(['POST', 'stroke', 100_000, true]);
  });

  test('an answer streams, and leaving it runs the generator’s finally although there is no signal', async () => {
    const life = { ended: false, aborted: false };
    handler = async (request) => {
      async function* frames() {
        try {
          for (let i = 0; ; i++) {
            life.aborted = request.signal.aborted;
            yield Buffer.from(`${i}\n`);
            await wait(5);
          }
        } finally {
          life.ended = true;
        }
      }
      return new Response(streamOf(frames()));
    };
    await start();
    const reader = (await ask('/rpc/app/events', { method: 'POST', body: '{}' })).body!.getReader();
    const first = await reader.read();
    expect(Buffer.from(first.value ?? []).toString()).toBe('0\n');
    await reader.cancel();
    await vi.waitFor(() => expect(life).toEqual({ ended: true, aborted: false }));
  });

  test('an answer without a body comes through', async () => {
    handler = async () => new Response(null, { status: 204 });
    await start();
    expect((await ask('/mask/1/0/0')).status).toBe(204);
  });

  test.each(['app://other/', 'app://workstation.evil/tile/s/0/0/0', 'app://WORKSTATIONX/'])(
    '%s is not us',
    async (url) => {
      await start();
      expect((await standIn.fetch(new Request(url))).status).toBe(403);
    },
  );

  test('another origin is refused', async () => {
    await start();
    expect((await ask('/rpc/a/b', { method: 'POST', headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await ask('/rpc/a/b', { method: 'POST', headers: { origin: 'app://workstation' } })).status).toBe(200);
  });

  test.each(['/../secret.txt', '/..%2f..%2fsecret.txt', '/assets/%2e%2e/%2e%2e/secret.txt', '//secret.txt'])(
    '%s leads out of nothing',
    async (path) => {
      await start();
      const answer = await ask(path);
      expect(answer.status).toBe(404);
      expect(await answer.text()).not.toBe('secret');
    },
  );

  test('a failing handler tells the window that it failed, and the log why', async () => {
    handler = () => Promise.reject(new Error('inside'));
    await start();
    const answer = await ask('/tile/s/0/0/0');
    expect([answer.status, (await answer.text()).includes('inside')]).toEqual([500, false]);
    expect(errors).toMatchObject([{ message: 'inside' }]);
  });
});

describe('the file dialog', () => {
  test('answers our window with the path and opens its folder', async () => {
    await start();
    standIn.dialogPaths = ['/slides/a.svs'];
    expect(await standIn.invoke(choosePathChannel, 'app://workstation/', 'file')).toBe('/slides/a.svs');
    standIn.dialogPaths = ['/exports'];
    expect(await standIn.invoke(choosePathChannel, 'app://workstation/', 'folder')).toBe('/exports');
    expect(opened).toEqual(['/slides', '/exports']);
  });

  test('that is left answers null', async () => {
    await start();
    expect(await standIn.invoke(choosePathChannel, 'app://workstation/', 'file')).toBeNull();
    expect(opened).toEqual([]);
  });

  test('is not shown to another page', async () => {
    await start();
    standIn.dialogPaths = ['/slides/a.svs'];
    expect(await standIn.invoke(choosePathChannel, 'https://evil.example/', 'file')).toBeNull();
    expect(opened).toEqual([]);
  });
});

describe('start and end', () => {
  test('a second instance leaves at once and opens nothing', async () => {
    standIn = createElectronStandIn({ firstInstance: false });
    expect(await start()).toBe(false);
    expect(standIn.windows).toEqual([]);
    expect(standIn.log).toContain('quit');
  });

  test('a project that is open elsewhere is told in a dialog, and the program ends with 1', async () => {
    const locked = new HistoloopError(
      'store-locked',
      'this project is open in another Histoloop; close that one first',
    );
    expect(await start(() => Promise.reject(locked))).toBe(false);
    expect(standIn.errorBoxes).toEqual([locked.message]);
    expect(standIn.log.at(-1)).toBe('exit 1');
    expect(standIn.windows).toEqual([]);
  });

  test('a program that was not built says so', async () => {
    rmSync(join(folder, 'renderer'), { recursive: true });
    await start();
    expect(standIn.errorBoxes[0]).toMatch(/npm run build/);
  });

  test('quitting waits for the workstation to close, once, however often it is asked', async () => {
    await start();
    standIn.appEvents.emit('window-all-closed');
    standIn.electron.app.quit();
    expect(closed).toBe(0);
    await vi.waitFor(() => expect(closed).toBe(1));
    await wait(30);
    expect(closed).toBe(1);
    expect(standIn.log.filter((entry) => entry === 'quit')).toHaveLength(3);
  });
});
