/**
 * The window's only way to the workstation: contract calls over oRPC and tiles by address. The one door to @orpc/client.
 * It keeps no state and shows nothing.
 */
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import type { Client } from '../core/contract.ts';
import { type ErrorCode, HistoloopError } from '../core/errors.ts';

export interface TileAddress {
  readonly column: number;
  readonly row: number;
}

/** Everything the window can ask for; tests give an in-memory one. */
export interface Workstation {
  readonly client: Client;
  /** Address of an encoded picture tile of the slide. */
  tileUrl(slideId: string, level: number, address: TileAddress): string;
  /** Run-length coded labels of a mask tile (core/mask/codec), or null where the tile is empty. */
  maskTile(layerId: number, address: TileAddress, revision: number): Promise<Uint8Array | null>;
}

/** Codes after which the same request may succeed later: it is kept and sent again. */
const PASSING: ReadonlySet<string> = new Set<ErrorCode>(['disk-full', 'disk-read-only', 'store-locked', 'engine-died']);

/** Answered by something in front of the workstation, or by one that was started anew and does not know this window. */
const NOT_OURS: ReadonlySet<string> = new Set([
  'FORBIDDEN',
  'UNAUTHORIZED',
  'BAD_GATEWAY',
  'SERVICE_UNAVAILABLE',
  'GATEWAY_TIMEOUT',
  'MALFORMED_ORPC_ERROR_RESPONSE',
]);

/** True where no answer came at all: the workstation is away, restarting, or the connection broke. */
export function isOutage(error: unknown): boolean {
  const code = codeOf(error);
  return code === null || NOT_OURS.has(code);
}

/** True where sending the same request again later makes sense. */
export function isPassing(error: unknown): boolean {
  return isOutage(error) || PASSING.has(codeOf(error) ?? '');
}

/** The code of an error that the workstation answered, or null for a stranger. */
export function codeOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return error instanceof DOMException ? null : error.code;
}

/** One sentence for a person: capital first, full stop last, never a stack. */
export function sentenceOf(error: unknown, fallback: string): string {
  const message = !isOutage(error) && error instanceof Error ? error.message.trim() : '';
  return asSentence(message === '' ? fallback : message);
}

export function asSentence(message: string): string {
  const first = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

async function fetchMaskTile(address: string): Promise<Uint8Array | null> {
  const response = await fetch(address);
  if (response.status === 204) return null;
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  const body: unknown = await response.json().catch(() => null);
  if (body !== null && typeof body === 'object' && 'code' in body && 'message' in body) {
    throw new HistoloopError(body.code as ErrorCode, String(body.message));
  }
  throw new Error(`mask tile ${address}: status ${response.status}`);
}

/** Talks to the workstation at `origin` (`http://127.0.0.1:…` or `app://…`). */
export function connectWorkstation(origin: string): Workstation {
  const link = new RPCLink({ url: `${origin}/rpc` });
  return {
    client: createORPCClient(link) as unknown as Client,
    tileUrl: (slideId, level, { column, row }) =>
      `${origin}/tile/${encodeURIComponent(slideId)}/${level}/${column}/${row}`,
    maskTile: (layerId, { column, row }, revision) =>
      fetchMaskTile(`${origin}/mask/${layerId}/${column}/${row}?v=${revision}`),
  };
}
