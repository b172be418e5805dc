/**
 * Shell 2's transport: the workstation's handler and the window's files over HTTP on 127.0.0.1, for one person with
 * one launch token. The launch address is exchanged for a cookie and so leaves the address bar at once.
 * Must not open anything beyond loopback, and must not know what calls mean.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { HistoloopError, isHistoloopError } from '../core/errors.ts';
import type { Handler } from './api.ts';
import { headOf, readBody, sendResponse, toRequest } from './http-bridge.ts';
import {
  cookieName,
  type Gate,
  hasCookie,
  notAdmitted,
  type RequestHead,
  refusalOf,
  sameSecret,
} from './loopback-guard.ts';
import { secured, securityHeaders, sentencePage } from './security-headers.ts';
import { methodRefusal, windowDoor } from './window-door.ts';
import { openWindowFiles } from './window-files.ts';

export interface LoopbackOptions {
  readonly handler: Handler;
  /** The built window, out/renderer. */
  readonly rendererFolder: string;
  /** 0 (the default) lets the system choose a free one. */
  readonly port?: number;
  readonly maxBodyBytes?: number;
  readonly onError?: (error: unknown) => void;
}

export interface Loopback {
  /** The launch address, with the token; works as often as it is opened while the server lives. */
  readonly url: string;
  readonly origin: string;
  readonly token: string;
  /** A launch address that works once and not for long: command lines can be read by every user of the machine. */
  launchOnce(): string;
  /** Gives calls in flight a moment, then ends every stream. */
  close(): Promise<void>;
}

const host = '127.0.0.1';
const defaultMaxBodyBytes = 64 * 1024 * 1024;
const onceLifetimeMs = 60_000;
const closeGraceMs = 250;

interface Front extends Gate {
  readonly origin: string;
  readonly door: Handler;
  readonly maxBodyBytes: number;
  readonly onError: (error: unknown) => void;
  /** Single-use launch codes with the time at which each ends. */
  readonly onceCodes: Map<string, number>;
}

/** Starts to listen. Fails with `file-missing` where the window is not built, `conflict` where the port is taken. */
export async function startLoopback(options: LoopbackOptions): Promise<Loopback> {
  const onError = options.onError ?? ((error: unknown) => console.error(error));
  const files = await openWindowFiles(options.rendererFolder);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 60_000, requireHostHeader: false });
  const port = await listen(server, options.port ?? 0);
  const origin = `http://${host}:${port}`;
  const token = randomBytes(16).toString('base64url');
  const front: Front = {
    port,
    token,
    origin,
    door: windowDoor({ handler: options.handler, files, onError }),
    maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes,
    onError,
    onceCodes: new Map(),
  };
  server.on('request', (incoming, outgoing) => void serveRequest(front, incoming, outgoing));
  server.on('clientError', answerClientError);
  const launchOnce = () => {
    const code = randomBytes(16).toString('base64url');
    front.onceCodes.set(code, Date.now() + onceLifetimeMs);
    return `${origin}/?token=${code}`;
  };
  return { url: `${origin}/?token=${token}`, origin, token, launchOnce, close: () => closeServer(server) };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE' || cause.code === 'EACCES';
      const sentence = `port ${port} cannot be used (${cause.code}): choose another one, or none for a free one`;
      reject(taken ? new HistoloopError('conflict', sentence, { cause, data: { port } }) : cause);
    });
    server.listen({ port, host, exclusive: true }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function serveRequest(front: Front, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const gone = new AbortController();
  outgoing.once('close', () => gone.abort());
  try {
    const head = headOf(incoming);
    const response = await answer(front, head, incoming, gone.signal);
    await sendResponse(response, outgoing, head.method === 'HEAD');
  } catch (error) {
    if (!(isHistoloopError(error) && error.code === 'cancelled')) front.onError(error);
    outgoing.destroy();
  }
}

async function answer(
  front: Front,
  head: RequestHead,
  incoming: IncomingMessage,
  signal: AbortSignal,
): Promise<Response> {
  const refusal = refusalOf(head, front);
  if (refusal !== null) return secured(sentencePage(refusal.status, refusal.sentence));
  if (isLaunch(front, head)) return secured(admit(front));
  if (!hasCookie(head, front)) return secured(sentencePage(notAdmitted.status, notAdmitted.sentence));
  const wrong = methodRefusal(head.method, head.target);
  if (wrong !== null) return secured(wrong);
  const body = await readBody(incoming, front.maxBodyBytes);
  if (body === null) return secured(sentencePage(413, `a request may bring ${front.maxBodyBytes} bytes at most`));
  return await front.door(toRequest(head, front.origin, body, signal));
}

/** True for GET /?token=… with the launch token, or with a single-use code, which this spends. */
function isLaunch(front: Front, head: RequestHead): boolean {
  if (head.method !== 'GET' || !head.target.startsWith('/?')) return false;
  const given = new URLSearchParams(head.target.slice(2)).get('token');
  if (given === null) return false;
  if (sameSecret(given, front.token)) return true;
  const endsAt = front.onceCodes.get(given);
  front.onceCodes.delete(given);
  return endsAt !== undefined && Date.now() < endsAt;
}

/** The redirect takes the token out of the address bar, the history and what Referer could carry. */
function admit(front: Front): Response {
  const cookie = `${cookieName(front.port)}=${front.token}; HttpOnly; SameSite=Strict; Path=/`;
  return new Response(null, { status: 303, headers: { location: '/', 'set-cookie': cookie } });
}

/** Answers what is not HTTP, or too large a head of it, with the same headers as everything else. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const statuses: Readonly<Record<string, string>> = {
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  };
  const headers = Object.entries({ ...securityHeaders, connection: 'close', 'content-length': '0' });
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${statuses[error.code ?? ''] ?? '400 Bad Request'}\r\n${lines}\r\n`);
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const patience = setTimeout(() => server.closeAllConnections(), closeGraceMs);
  await closed;
  clearTimeout(patience);
}
