/** How the loopback server lives with its clients: streams, slow readers, disconnects, errors and the end. */
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Handler } from '../../../src/main/api.ts';
import { startLoopback } from '../../../src/main/loopback.ts';
import { ask, open } from './raw-http.ts';
import { type ServedWindow, serveWindow, streamOf } from './served-window.ts';

let server: ServedWindow;
afterEach(() => server?.close());

/** An answer that goes on until it is cancelled, and tells when its generator's finally ran. */
function endless(chunk: Uint8Array, pauseMs: number) {
  const life = { sent: 0, ended: false, aborted: false };
  const handler: Handler = async (request) => {
    request.signal.addEventListener('abort', () => {
      life.aborted = true;
    });
    async function* frames() {
      try {
        for (;;) {
          life.sent += 1;
          yield chunk;
          if (pauseMs > 0) await wait(pauseMs);
        }
      } finally {
        life.ended = true;
      }
    }
    return new Response(streamOf(frames()), {
      headers: { 'content-type': 'text/event-stream' },
    });
  };
  return { life, handler };
}

function request(target: string): string {
  return `GET ${target} HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n${server.cookie}\r\n\r\n`;
}

describe('a stream', () => {
  test('reaches the client frame by frame, not when it is over', async () => {
    const { handler } = endless(Buffer.from('data: x\n\n'), 20);
    server = await serveWindow(handler);
    const socket = await open(server.port);
    socket.write(request('/tile/s/0/0/0'));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    await vi.waitFor(() => expect(text.split('data: x').length).toBeGreaterThan(3));
    socket.destroy();
  });

  test('is cancelled, and the request’s signal aborts, when the client goes away', async () => {
    const { life, handler } = endless(Buffer.from('data: x\n\n'), 20);
    server = await serveWindow(handler);
    const socket = await open(server.port);
    socket.write(request('/tile/s/0/0/0'));
    await once(socket, 'data');
    socket.destroy();
    await vi.waitFor(() => expect(life).toMatchObject({ ended: true, aborted: true }));
    expect(server.errors).toEqual([]);
  });

  test('waits for a client that does not read, and others are served meanwhile', async () => {
    const { life, handler } = endless(new Uint8Array(64 * 1024), 0);
    server = await serveWindow(handler);
    const socket = await open(server.port);
    socket.pause();
    socket.write(request('/tile/s/0/0/0'));
    await vi.waitFor(async () => {
      const before = life.sent;
      await wait(100);
      expect(life.sent).toBe(before);
    });
    expect(life.sent).toBeGreaterThan(0);
    expect(life.sent * 64).toBeLessThan(64 * 1024);
    expect((await ask(server.port, { headers: [server.cookie] })).status).toBe(200);
    socket.destroy();
  });

  test('that fails in the middle ends the connection and is reported', async () => {
    async function* failing() {
      yield Buffer.from('half');
      await wait(20);
      throw new Error('the disk is gone');
    }
    server = await serveWindow(async () => new Response(streamOf(failing())));
    const answer = await ask(server.port, { target: '/tile/s/0/0/0', headers: [server.cookie] });
    expect(answer.body).toContain('half');
    expect(answer.body).not.toMatch(/0\r\n\r\n$/);
    await vi.waitFor(() => expect(server.errors).toMatchObject([{ message: 'the disk is gone' }]));
  });
});

describe('a request', () => {
  test('whose sender goes away in the middle of the body never reaches the handler', async () => {
    server = await serveWindow();
    const socket = await open(server.port);
    const head = `POST /rpc/a/b HTTP/1.1\r\nhost: 127.0.0.1:${server.port}\r\n${server.cookie}\r\n${server.sameOrigin}\r\n`;
    socket.write(`${head}content-length: 100\r\n\r\nonly this`);
    await wait(50);
    socket.destroy();
    await wait(50);
    expect(server.reached).toEqual([]);
    expect(server.errors).toEqual([]);
  });

  test('on which the handler fails learns that it failed, and nothing of why', async () => {
    server = await serveWindow(() => Promise.reject(new Error('ENOENT /home/someone/secret')));
    const answer = await ask(server.port, { target: '/tile/s/0/0/0', headers: [server.cookie] });
    expect(answer.status).toBe(500);
    expect(answer.body).not.toContain('secret');
    expect(server.errors).toMatchObject([{ message: 'ENOENT /home/someone/secret' }]);
  });

  test('for the head of a file gets no body', async () => {
    server = await serveWindow();
    const answer = await ask(server.port, { method: 'HEAD', target: '/assets/app-1a2b.js', headers: [server.cookie] });
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(answer.headers.get('content-length')).toBe('23');
  });

  test('that nothing answers to comes back with an empty body as 204', async () => {
    server = await serveWindow(async () => new Response(null, { status: 204 }));
    const answer = await ask(server.port, { target: '/mask/1/0/0', headers: [server.cookie] });
    expect(answer).toMatchObject({ status: 204, body: '' });
  });

  test('gets bytes back as they are', async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);
    server = await serveWindow(async () => new Response(bytes));
    const answer = await fetch(`${server.origin}/tile/s/0/0/0`, { headers: { cookie: server.cookie.slice(8) } });
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
  });
});

describe('the end', () => {
  test('comes quickly although an event stream is open', async () => {
    const { life, handler } = endless(Buffer.from('data: x\n\n'), 20);
    server = await serveWindow(handler);
    const socket = await open(server.port);
    socket.write(request('/tile/s/0/0/0'));
    await once(socket, 'data');
    const start = performance.now();
    await server.close();
    expect(performance.now() - start).toBeLessThan(2000);
    await vi.waitFor(() => expect(life.ended).toBe(true));
  });

  test('lets a call in flight have its answer', async () => {
    server = await serveWindow(async () => {
      await wait(80);
      return new Response('saved');
    });
    const answer = ask(server.port, { target: '/tile/s/0/0/0', headers: [server.cookie] });
    await vi.waitFor(() => expect(server.reached.length).toBe(1));
    await server.close();
    expect((await answer).body).toContain('saved');
  });

  test('frees the port for the next one', async () => {
    server = await serveWindow();
    await server.close();
    const { port } = server;
    server = await serveWindow(undefined, { port });
    expect(server.port).toBe(port);
  });
});

describe('the start', () => {
  test('on a port that is taken says so', async () => {
    server = await serveWindow();
    await expect(serveWindow(undefined, { port: server.port })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`port ${server.port}`),
    });
  });

  test('without a built window says what to run', async () => {
    const handler = async () => new Response();
    const start = startLoopback({ handler, rendererFolder: '/no/such/folder' });
    await expect(start).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringContaining('npm run build'),
    });
  });
});
