/**
 * Between node:http and the web's Request and Response. Bodies are read whole, up to a limit, before a request is
 * made of them; answers are streamed at the client's pace and cancelled when it goes away.
 * Must not decide what is answered, nor to whom.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { HistoloopError } from '../core/errors.ts';
import type { RequestHead } from './loopback-guard.ts';

/** Method, target and headers as they stood on the wire. */
export function headOf(incoming: IncomingMessage): RequestHead {
  const headers: [string, string][] = [];
  for (let i = 0; i < incoming.rawHeaders.length; i += 2) {
    headers.push([incoming.rawHeaders[i]?.toLowerCase() ?? '', incoming.rawHeaders[i + 1] ?? '']);
  }
  return { method: incoming.method ?? '', target: incoming.url ?? '', headers };
}

/** The body's bytes; null where it is longer than `limitBytes`. Fails with `cancelled` where the client goes away. */
export function readBody(incoming: IncomingMessage, limitBytes: number): Promise<Buffer | null> {
  if (Number(incoming.headers['content-length'] ?? 0) > limitBytes) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const leave = () => reject(new HistoloopError('cancelled', 'the client went away in the middle of its request'));
    const chunks: Buffer[] = [];
    let length = 0;
    const collect = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) chunks.push(chunk);
      else {
        incoming.off('data', collect);
        incoming.resume();
        resolve(null);
      }
    };
    incoming.on('data', collect);
    incoming.once('end', () => resolve(Buffer.concat(chunks)));
    incoming.once('error', leave);
    incoming.once('close', leave);
  });
}

/** The web's form of a request; `signal` aborts when the client goes away. */
export function toRequest(head: RequestHead, origin: string, body: Uint8Array | null, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of head.headers) headers.append(name, value);
  const hasBody = head.method !== 'GET' && head.method !== 'HEAD';
  return new Request(`${origin}${head.target}`, {
    method: head.method,
    headers,
    signal,
    ...(hasBody && body !== null ? { body: new Uint8Array(body) } : {}),
  });
}

/** Writes an answer; where the client goes away first the answer's stream is cancelled, and that is no error. */
export async function sendResponse(response: Response, outgoing: ServerResponse, headOnly: boolean): Promise<void> {
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
  if (response.body === null || headOnly) {
    await response.body?.cancel();
    outgoing.end();
    return;
  }
  outgoing.flushHeaders();
  await pipeline(Readable.fromWeb(response.body), outgoing).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  });
}
