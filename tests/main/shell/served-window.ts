/** A loopback server on a small window of its own and a handler that a test can look into. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import type { Handler } from '../../../src/main/api.ts';
import { type Loopback, type LoopbackOptions, startLoopback } from '../../../src/main/loopback.ts';

export interface ServedWindow extends Loopback {
  readonly port: number;
  readonly folder: string;
  /** `cookie: name=value` as a request line. */
  readonly cookie: string;
  /** `origin: …` as a request line. */
  readonly sameOrigin: string;
  /** Requests that reached the handler. */
  readonly reached: Request[];
  readonly errors: unknown[];
}

/** A window of five files, with a secret beside it that no address may reach. */
export function makeWindow(): string {
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-window-'));
  const renderer = join(folder, 'renderer');
  mkdirSync(join(renderer, 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  writeFileSync(
    join(renderer, 'index.html'),
    '<!doctype html><title>window</title><script src="/assets/app-1a2b.js"></script>',
  );
  writeFileSync(join(renderer, 'assets', 'app-1a2b.js'), 'document.title = "ran";');
  writeFileSync(join(renderer, 'assets', 'app-3c4d.css'), 'body{}');
  writeFileSync(join(renderer, 'assets', 'eval-5e6f.js'), 'document.title = eval("1 + 1");');
  writeFileSync(join(renderer, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return folder;
}

export async function serveWindow(
  handler: Handler = async () => new Response('handled'),
  options: Partial<LoopbackOptions> = {},
): Promise<ServedWindow> {
  const folder = makeWindow();
  const reached: Request[] = [];
  const errors: unknown[] = [];
  const loopback = await startLoopback({
    handler: (request) => {
      reached.push(request);
      return handler(request);
    },
    rendererFolder: join(folder, 'renderer'),
    onError: (error) => errors.push(error),
    ...options,
  });
  const port = Number(new URL(loopback.origin).port);
  return {
    ...loopback,
    port,
    folder,
    reached,
    errors,
    cookie: `cookie: histoloop-${port}=${loopback.token}`,
    sameOrigin: `origin: ${loopback.origin}`,
    close: async () => {
      await loopback.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A body that a generator makes; its `finally` runs when nobody wants more. */
export function streamOf(frames: AsyncIterable<Uint8Array>): BodyInit {
  return ReadableStream.from(frames) as unknown as BodyInit;
}
