/** HTTP as an attacker writes it: every byte of the request is the test's own, nothing is normalised on the way. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly target?: string;
  /** Replaces the Host header; null leaves it out. */
  readonly host?: string | null;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** Writes one request and reads until the server ends the connection. */
export async function ask(port: number, request: RawRequest = {}): Promise<RawAnswer> {
  const { method = 'GET', target = '/', host = `127.0.0.1:${port}`, headers = [], body = '' } = request;
  const lines = [`${method} ${target} HTTP/1.1`, 'connection: close', ...headers];
  if (host !== null) lines.splice(1, 0, `host: ${host}`);
  if (body !== '' && !headers.some((line) => line.startsWith('transfer-encoding'))) {
    lines.push(`content-length: ${Buffer.byteLength(body)}`);
  }
  return await askBytes(port, `${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Writes any bytes and reads the answer. */
export async function askBytes(port: number, bytes: string): Promise<RawAnswer> {
  const socket = await open(port);
  socket.write(bytes);
  return parse(await readAll(socket));
}

export function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.once('error', reject);
  });
}

function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  });
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(statusLine.split(' ')[1]), headers: new Map(headers), body: text.slice(end + 4) };
}
