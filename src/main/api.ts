/**
 * The one request handler behind every shell: contract calls at /rpc, picture tiles at /tile, mask tiles at /mask.
 * It checks inputs, turns errors into answers, and decides nothing else. Who may ask is the shell's business.
 */
import { ORPCError, os } from '@orpc/server';
import { RPCHandler } from '@orpc/server/fetch';
import type { ZodType } from 'zod';
import { type ErrorCode, HistoloopError, toHistoloopError } from '../core/errors.ts';
import { schemas } from './api-schemas.ts';
import type { Handlers } from './calls/handlers.ts';
import type { Workstation } from './workstation.ts';

export type Handler = (request: Request) => Promise<Response>;

const HTTP_STATUS: Partial<Record<ErrorCode, number>> = {
  'bad-input': 400,
  forbidden: 403,
  'not-found': 404,
  'file-missing': 404,
  conflict: 409,
  'store-locked': 409,
  cancelled: 499,
  internal: 500,
};

function toRpcError(value: unknown): unknown {
  if (value instanceof ORPCError) return value;
  const error = toHistoloopError(value);
  if (error.code === 'internal') console.error('histoloop: unexpected error:', value);
  return new ORPCError(error.code, {
    message: error.message,
    status: HTTP_STATUS[error.code] ?? 422,
    data: error.data,
    cause: error,
  });
}

type AnyCall = (input: unknown, context: { signal: AbortSignal | undefined }) => unknown;

function procedure(schema: ZodType, call: AnyCall) {
  return os.input(schema).handler(async ({ input, signal }) => {
    try {
      return await call(input, { signal });
    } catch (error) {
      throw toRpcError(error);
    }
  });
}

/** One oRPC procedure per contract call, made from the two complete tables. */
function createRouter(handlers: Handlers) {
  const router: Record<string, Record<string, ReturnType<typeof procedure>>> = {};
  for (const [noun, verbs] of Object.entries(schemas)) {
    const calls = handlers[noun as keyof Handlers] as unknown as Record<string, AnyCall>;
    const entries = Object.entries(verbs as Record<string, ZodType>);
    router[noun] = Object.fromEntries(entries.map(([verb, schema]) => [verb, procedure(schema, calls[verb]!)]));
  }
  return router;
}

function errorResponse(value: unknown): Response {
  const error = toHistoloopError(value);
  if (error.code === 'internal') console.error('histoloop: unexpected error:', value);
  const status = HTTP_STATUS[error.code] ?? 422;
  const headers = { 'cache-control': 'no-store' };
  return Response.json({ code: error.code, message: error.message }, { status, headers });
}

function wholeNumber(text: string | undefined, name: string): number {
  if (text === undefined || !/^\d{1,9}$/.test(text)) {
    throw new HistoloopError('bad-input', `${name} «${text ?? ''}» is not a whole number`);
  }
  return Number(text);
}

async function slideTile(workstation: Workstation, parts: readonly string[], signal: AbortSignal): Promise<Response> {
  const [slideId = '', level, column, row] = parts;
  const address = [wholeNumber(level, 'level'), wholeNumber(column, 'column'), wholeNumber(row, 'row')] as const;
  const tile = await workstation.slideTile(slideId, ...address, signal);
  const headers = { 'content-type': tile.mime, 'cache-control': 'private, max-age=86400' };
  return new Response(tile.bytes as Uint8Array<ArrayBuffer>, { headers });
}

async function maskTile(workstation: Workstation, parts: readonly string[]): Promise<Response> {
  const [layer, column, row] = parts;
  const address = [wholeNumber(layer, 'layer'), wholeNumber(column, 'column'), wholeNumber(row, 'row')] as const;
  const bytes = await workstation.maskTile(...address);
  const headers = { 'content-type': 'application/octet-stream', 'cache-control': 'no-store' };
  return bytes === null
    ? new Response(null, { status: 204, headers })
    : new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
}

/** Makes the handler that Electron mounts as a scheme, the loopback server over HTTP, and tests call directly. */
export function createHandler(workstation: Workstation): Handler {
  const rpc = new RPCHandler(createRouter(workstation.handlers));
  return async (request) => {
    const url = new URL(request.url);
    try {
      if (url.pathname.startsWith('/rpc/')) {
        const { matched, response } = await rpc.handle(request, { prefix: '/rpc', context: {} });
        if (matched) return response;
      }
      if (request.method === 'GET') {
        const [kind, ...parts] = url.pathname.slice(1).split('/').map(decodeURIComponent);
        if (kind === 'tile' && parts.length === 4) return await slideTile(workstation, parts, request.signal);
        if (kind === 'mask' && parts.length === 3) return await maskTile(workstation, parts);
      }
      throw new HistoloopError('not-found', `nothing answers ${request.method} ${url.pathname}`);
    } catch (error) {
      return errorResponse(
        error instanceof URIError ? new HistoloopError('bad-input', 'the address is not valid') : error,
      );
    }
  };
}
