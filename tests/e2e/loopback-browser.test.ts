/** The loopback server's rules as a real browser keeps them: the cookie, the policy, and pages on other ports. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ServedWindow, serveWindow } from '../main/shell/served-window.ts';

let browser: Browser;
let context: BrowserContext;
let page: Page;
let server: ServedWindow;
let neighbour: Server;

beforeAll(async () => {
  const executablePath = process.env.HISTOLOOP_CHROMIUM ?? '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  server = await serveWindow(async (request) =>
    Response.json({ method: request.method, path: new URL(request.url).pathname }),
  );
  neighbour = createServer((_, answer) =>
    answer.setHeader('content-type', 'text/html').end('<title>neighbour</title>'),
  );
  await new Promise<void>((resolve) => neighbour.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  neighbour?.close();
});
beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
});
afterEach(() => context.close());

const neighbourOrigin = () => `http://127.0.0.1:${(neighbour.address() as AddressInfo).port}`;

describe('a browser at the launch address', () => {
  test('sees the window at an address without the token, and its scripts run', async () => {
    await page.goto(server.url);
    expect(page.url()).toBe(`${server.origin}/`);
    expect(await page.title()).toBe('ran');
    await page.reload();
    expect(await page.title()).toBe('ran');
    expect(await page.evaluate(() => document.cookie)).toBe('');
  });

  test('makes calls and reads tiles without knowing of the cookie', async () => {
    await page.goto(server.url);
    const call = await page.evaluate(async () =>
      (await fetch('/rpc/app/status', { method: 'POST', body: '{}' })).json(),
    );
    const tile = await page.evaluate(async () => (await fetch('/tile/s/0/0/0')).json());
    expect([call, tile]).toEqual([
      { method: 'POST', path: '/rpc/app/status' },
      { method: 'GET', path: '/tile/s/0/0/0' },
    ]);
  });

  test('runs no inline script, no eval, and asks no one else', async () => {
    await page.goto(server.url);
    const blocked = await page.evaluate(async (elsewhere) => {
      const violations: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
      const script = document.createElement('script');
      script.textContent = 'document.title = "inline"';
      document.body.append(script);
      const evaluating = document.createElement('script');
      evaluating.src = '/assets/eval-5e6f.js';
      document.body.append(evaluating);
      const fetched = await fetch(elsewhere).catch(() => 'refused');
      const image = new Image();
      image.src = `${elsewhere}/x.png`;
      await new Promise((resolve) => setTimeout(resolve, 200));
      return { violations, fetched, title: document.title };
    }, neighbourOrigin());
    expect(blocked).toMatchObject({ fetched: 'refused', title: 'ran' });
    for (const directive of ['script-src', 'script-src-elem', 'connect-src', 'img-src'])
      expect(blocked.violations).toContain(directive);
  });
});

describe('a page on another port of this machine', () => {
  test('can neither call nor read the workstation that the browser was let into', async () => {
    await page.goto(server.url);
    await page.goto(neighbourOrigin());
    const before = server.reached.length;
    const outcome = await page.evaluate(async (origin) => {
      const attempt = (init: RequestInit, path: string) =>
        fetch(`${origin}${path}`, init)
          .then((answer) => answer.type)
          .catch(() => 'refused');
      return [
        await attempt({ method: 'POST', body: '{}', credentials: 'include' }, '/rpc/mask/edit'),
        await attempt({ credentials: 'include' }, '/tile/s/0/0/0'),
      ];
    }, server.origin);
    expect(outcome).toEqual(['refused', 'refused']);
    await page.evaluate(
      (origin) =>
        fetch(`${origin}/rpc/mask/edit`, { method: 'POST', body: '{}', mode: 'no-cors', credentials: 'include' }).catch(
          () => 'unread',
        ),
      server.origin,
    );
    expect(server.reached.length).toBe(before);
  });

  test('cannot frame it, post a form to it, or walk a visitor into it', async () => {
    await page.goto(server.url);
    await page.goto(neighbourOrigin());
    const before = server.reached.length;
    await page.evaluate((origin) => {
      const frame = document.createElement('iframe');
      frame.src = `${origin}/`;
      document.body.append(frame);
      return new Promise((resolve) => {
        frame.onload = resolve;
      });
    }, server.origin);
    const framed = page.frames().find((frame) => frame !== page.mainFrame());
    expect(await framed?.title().catch(() => '')).not.toBe('ran');

    await page.evaluate((origin) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action: `${origin}/rpc/mask/edit` });
      document.body.append(form);
      form.submit();
    }, server.origin);
    await page.waitForURL(`${server.origin}/**`);
    expect(await page.textContent('body')).toMatch(/another page may not use this workstation/);
    expect(server.reached.length).toBe(before);
  });
});

test('another browser without the launch address is told what to do', async () => {
  const answer = await page.goto(server.origin);
  expect(answer?.status()).toBe(403);
  expect(await page.textContent('body')).toMatch(/paste the address that its terminal printed/);
});

test('two workstations in one browser do not take each other’s place', async () => {
  const second = await serveWindow();
  await page.goto(server.url);
  await page.goto(second.url);
  await page.goto(server.origin);
  expect(await page.title()).toBe('ran');
  await second.close();
});
