/** Who may ask the loopback server, asked the way an attacker would: raw bytes on a socket. */
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startLoopback } from '../../../src/main/loopback.ts';
import { contentSecurityPolicy, securityHeaders } from '../../../src/main/security-headers.ts';
import { ask, askBytes, type RawAnswer } from './raw-http.ts';
import { type ServedWindow, serveWindow } from './served-window.ts';

let server: ServedWindow;
beforeAll(async () => {
  server = await serveWindow(undefined, { maxBodyBytes: 1000 });
});
afterAll(() => server.close());

/** Asks as the window that was let in. */
const askAdmitted = (target: string, more: readonly string[] = [], method = 'GET') =>
  ask(server.port, { target, method, headers: [server.cookie, ...more] });

describe('the launch token', () => {
  test.each(['/', '/index.html', '/assets/app-1a2b.js', '/rpc/mask/edit', '/tile/s/0/0/0', '/mask/1/0/0', '/no-such'])(
    '%s without the cookie is refused with a sentence that says what to do',
    async (target) => {
      const { status, body } = await ask(server.port, { target });
      expect(status).toBe(403);
      expect(body).toMatch(/paste the address that its terminal printed/);
    },
  );

  test('is exchanged for a cookie that scripts and other sites never see, and leaves the address bar', async () => {
    const answer = await ask(server.port, { target: `/?token=${server.token}` });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('location')).toBe('/');
    const cookie = answer.headers.get('set-cookie');
    expect(cookie).toBe(`histoloop-${server.port}=${server.token}; HttpOnly; SameSite=Strict; Path=/`);
  });

  test('has 128 bits and is another one at every launch', async () => {
    const other = await serveWindow();
    expect(Buffer.from(other.token, 'base64url')).toHaveLength(16);
    expect(other.token).not.toBe(server.token);
    await other.close();
  });

  test.each([
    ['a wrong one', () => '/?token=AAAAAAAAAAAAAAAAAAAAAA'],
    ['an empty one', () => '/?token='],
    ['one that is cut short', () => `/?token=${server.token.slice(0, -1)}`],
    ['one with more behind it', () => `/?token=${server.token}x`],
    ['a wrong one before the right one', () => `/?token=x&token=${server.token}`],
    ['the right one at another address', () => `/index.html?token=${server.token}`],
  ])('%s is refused', async (_name, target) => {
    const answer = await ask(server.port, { target: target() });
    expect(answer.status).toBe(403);
    expect(answer.headers.has('set-cookie')).toBe(false);
  });

  test.each([
    ['a wrong value', () => `cookie: histoloop-${server.port}=AAAAAAAAAAAAAAAAAAAAAA`],
    ['no value', () => `cookie: histoloop-${server.port}`],
    ['another port’s name', () => `cookie: histoloop-1=${server.token}`],
    ['the token as a name', () => `cookie: ${server.token}=${server.token}`],
  ])('a cookie with %s is refused', async (_name, cookie) => {
    expect((await ask(server.port, { headers: [cookie()] })).status).toBe(403);
  });

  test('among other cookies of 127.0.0.1 ours is found', async () => {
    const cookie = server.cookie.replace('cookie: ', 'cookie: other=1; ');
    expect((await ask(server.port, { headers: [`${cookie}; more=2`] })).status).toBe(200);
  });

  test('a single-use address works once', async () => {
    const { search } = new URL(server.launchOnce());
    expect((await ask(server.port, { target: `/${search}` })).status).toBe(303);
    expect((await ask(server.port, { target: `/${search}` })).status).toBe(403);
  });

  test('a single-use address that nobody opened ends after a minute', async () => {
    const { search } = new URL(server.launchOnce());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 });
    const { status } = await ask(server.port, { target: `/${search}` });
    vi.useRealTimers();
    expect(status).toBe(403);
  });
});

describe('DNS rebinding', () => {
  test.each([
    ['another name', () => 'evil.example'],
    ['another name with our port', () => `evil.example:${server.port}`],
    ['a name that begins like ours', () => `127.0.0.1.evil.example:${server.port}`],
    ['our address without the port', () => '127.0.0.1'],
    ['our address with another port', () => '127.0.0.1:1'],
    ['another spelling of our address', () => `127.1:${server.port}`],
    ['the wildcard address', () => `0.0.0.0:${server.port}`],
    ['a user name before it', () => `me@127.0.0.1:${server.port}`],
    ['nothing', () => ''],
    ['no Host header at all', () => null],
  ])('a Host that is %s is refused even with the cookie', async (_name, host) => {
    const { status } = await ask(server.port, { host: host(), headers: [server.cookie] });
    expect(status).toBe(403);
  });

  test('two Host headers are refused', async () => {
    const { status } = await ask(server.port, { headers: [`host: 127.0.0.1:${server.port}`, server.cookie] });
    expect([400, 403]).toContain(status);
  });

  test('an absolute address in the request line is refused', async () => {
    expect((await askAdmitted('http://evil.example/')).status).toBe(400);
  });

  test('localhost is us as well', async () => {
    const { status } = await ask(server.port, { host: `localhost:${server.port}`, headers: [server.cookie] });
    expect(status).toBe(200);
  });
});

describe('other pages', () => {
  const foreign = [
    ['none', () => []],
    ['another site', () => ['origin: https://evil.example']],
    ['an opaque origin', () => ['origin: null']],
    ['another port of this machine', () => ['origin: http://127.0.0.1:1']],
    ['our address over https', () => [`origin: https://127.0.0.1:${server.port}`]],
    ['our other name', () => [`origin: http://localhost:${server.port}`]],
    ['two origins', () => [server.sameOrigin, 'origin: https://evil.example']],
  ] as const;

  test.each(foreign)('a POST whose Origin is %s is refused even with the cookie', async (_name, origin) => {
    const before = server.reached.length;
    const headers = [server.cookie, ...origin()];
    const { status } = await ask(server.port, { method: 'POST', target: '/rpc/mask/edit', headers, body: '{}' });
    expect(status).toBe(403);
    expect(server.reached.length).toBe(before);
  });

  test('a GET that names a foreign Origin is refused', async () => {
    expect((await askAdmitted('/tile/s/0/0/0', ['origin: https://evil.example'])).status).toBe(403);
  });

  test.each(['cross-site', 'same-site', 'nonsense'])('what a browser marks as %s is refused', async (site) => {
    expect((await askAdmitted('/', [`sec-fetch-site: ${site}`])).status).toBe(403);
    expect(
      (await ask(server.port, { target: `/?token=${server.token}`, headers: [`sec-fetch-site: ${site}`] })).status,
    ).toBe(403);
  });

  test.each(['same-origin', 'none'])('what a browser marks as %s is served', async (site) => {
    expect((await askAdmitted('/', [`sec-fetch-site: ${site}`])).status).toBe(200);
  });

  test('our own POST reaches the handler with its body', async () => {
    const headers = [server.cookie, server.sameOrigin];
    const { status, body } = await ask(server.port, { method: 'POST', target: '/rpc/a/b', headers, body: '{"n":1}' });
    expect(status).toBe(200);
    expect(body).toContain('handled');
    expect(await server.reached.at(-1)?.text()).toBe('{"n":1}');
  });
});

describe('addresses and methods', () => {
  test.each([
    '/../secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2E%2E%2Fsecret.txt',
    '/.%2e/secret.txt',
    '/%252e%252e/secret.txt',
    '/..\\secret.txt',
    '/%5c..%5csecret.txt',
    '/index.html%00.js',
    '/./index.html',
    '/tile/../rpc/mask/edit',
    'index.html',
    '*',
  ])('%s is refused and reads nothing', async (target) => {
    const before = server.reached.length;
    const { status, body } = await askAdmitted(target);
    expect(status).toBe(400);
    expect(body).not.toContain('<title>');
    expect(body).not.toBe('secret');
    expect(server.reached.length).toBe(before);
  });

  test.each([
    '//secret.txt',
    '/renderer/index.html',
    '/assets',
    '/assets/',
    '/secret.txt',
    '/C:/secret.txt',
    '/INDEX.HTML',
  ])('%s is nothing of the window’s', async (target) => {
    expect((await askAdmitted(target)).status).toBe(404);
  });

  test('a link inside the window’s folder is not followed', async () => {
    const linked = await serveWindow();
    symlinkSync(join(linked.folder, 'secret.txt'), join(linked.folder, 'renderer', 'leak.txt'));
    const again = await startLoopback({
      handler: async () => new Response(),
      rendererFolder: join(linked.folder, 'renderer'),
    });
    const port = Number(new URL(again.origin).port);
    const answer = await ask(port, { target: '/leak.txt', headers: [`cookie: histoloop-${port}=${again.token}`] });
    expect(answer.status).toBe(404);
    await again.close();
    await linked.close();
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    '%s is answered with what is allowed',
    async (method) => {
      const { status, headers } = await askAdmitted('/', [server.sameOrigin], method);
      expect(status).toBe(405);
      expect(headers.get('allow')).toBe('GET, HEAD');
    },
  );

  test.each([
    ['GET', '/rpc/mask/edit', 'POST'],
    ['POST', '/tile/s/0/0/0', 'GET'],
    ['POST', '/', 'GET, HEAD'],
  ])('%s %s is not a method of that address', async (method, target, allow) => {
    const { status, headers } = await askAdmitted(target, [server.sameOrigin], method);
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe(allow);
  });

  test('CONNECT opens no tunnel', async () => {
    const answer = await askBytes(server.port, 'CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n');
    expect(answer.status).not.toBe(200);
  });

  test('an upgrade is answered as the plain request that it also is', async () => {
    const { status } = await askAdmitted('/', ['upgrade: websocket', 'sec-websocket-version: 13']);
    expect(status).not.toBe(101);
  });
});

describe('sizes', () => {
  const headers = () => [server.cookie, server.sameOrigin];
  const post = (body: string, more: readonly string[] = []) =>
    ask(server.port, { method: 'POST', target: '/rpc/a/b', headers: [...headers(), ...more], body });

  test('a body at the limit passes', async () => {
    expect((await post('x'.repeat(1000))).status).toBe(200);
    expect((await server.reached.at(-1)?.text())?.length).toBe(1000);
  });

  test('a longer one is refused before it is read', async () => {
    const before = server.reached.length;
    const { status, body } = await post('x'.repeat(1001));
    expect(status).toBe(413);
    expect(body).toMatch(/1000 bytes/);
    expect(server.reached.length).toBe(before);
  });

  test('a longer one that hides its length in chunks is refused too', async () => {
    const chunk = `258\r\n${'x'.repeat(600)}\r\n`;
    const { status } = await post(`${chunk}${chunk}0\r\n\r\n`, ['transfer-encoding: chunked']);
    expect(status).toBe(413);
  });

  test('an endless address and an endless header are refused', async () => {
    expect((await askAdmitted(`/${'a'.repeat(3000)}`)).status).toBe(414);
    expect((await askAdmitted('/', [`x-long: ${'a'.repeat(20_000)}`])).status).toBe(431);
  });

  test('a length and chunks at once (request smuggling) are refused', async () => {
    const both = ['content-length: 5', 'transfer-encoding: chunked'];
    expect((await post('0\r\n\r\n', both)).status).toBe(400);
  });
});

describe('every kind of answer carries the same headers', () => {
  const kinds: readonly (readonly [string, number, () => Promise<RawAnswer>])[] = [
    ['the window', 200, () => askAdmitted('/')],
    ['a file', 200, () => askAdmitted('/assets/app-1a2b.js')],
    ['a tile', 200, () => askAdmitted('/tile/s/0/0/0')],
    ['the launch', 303, () => ask(server.port, { target: `/?token=${server.token}` })],
    ['not HTTP', 400, () => askBytes(server.port, 'hello\r\n\r\n')],
    ['a strange address', 400, () => askAdmitted('/../x')],
    ['a stranger', 403, () => ask(server.port)],
    ['a wrong Host', 403, () => ask(server.port, { host: 'evil.example' })],
    ['nothing there', 404, () => askAdmitted('/no-such')],
    ['a wrong method', 405, () => askAdmitted('/', [server.sameOrigin], 'PUT')],
    [
      'too much',
      413,
      () =>
        ask(server.port, {
          method: 'POST',
          target: '/rpc/a',
          headers: [server.cookie, server.sameOrigin],
          body: 'x'.repeat(2000),
        }),
    ],
    ['too large a head', 431, () => askAdmitted('/', [`x: ${'a'.repeat(20_000)}`])],
  ];

  test.each(kinds)('%s (%i)', async (_name, status, request) => {
    const answer = await request();
    expect(answer.status).toBe(status);
    for (const [name, value] of Object.entries(securityHeaders)) expect(answer.headers.get(name)).toBe(value);
    expect(answer.headers.has('access-control-allow-origin')).toBe(false);
  });

  test('the policy lets nothing in from elsewhere and runs no inline script', () => {
    const directives = new Map(contentSecurityPolicy.split('; ').map((part) => [part.split(' ')[0], part]));
    expect(directives.get('script-src')).toBe("script-src 'self'");
    expect(contentSecurityPolicy).not.toMatch(/https?:|\*|unsafe-eval/);
    for (const name of ['object-src', 'base-uri', 'form-action', 'frame-ancestors']) {
      expect(directives.get(name)).toBe(`${name} 'none'`);
    }
  });

  test('the page is kept nowhere, hashed files for good', async () => {
    expect((await askAdmitted('/')).headers.get('cache-control')).toBe('no-store');
    expect((await askAdmitted('/assets/app-3c4d.css')).headers.get('cache-control')).toContain('immutable');
    expect((await askAdmitted('/icon.svg')).headers.get('cache-control')).toBe('no-store');
  });
});

describe.runIf(process.platform === 'linux')('the socket', () => {
  test('listens on 127.0.0.1 and on nothing else', () => {
    const port = server.port.toString(16).toUpperCase().padStart(4, '0');
    const listening = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
      readFileSync(path, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[3] === '0A' && fields[1]?.endsWith(`:${port}`))
        .map((fields) => fields[1]),
    );
    expect(listening).toEqual([`0100007F:${port}`]);
  });
});
