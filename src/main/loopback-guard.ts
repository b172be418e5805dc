/**
 * Who may ask the loopback server: pure rules on a request's head, most general first.
 * Every browser on this machine, and every page in it, can reach 127.0.0.1; these rules leave only the one that the
 * person at this machine opened. Must not answer anything itself and must not read bodies.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** A request's head as it stood on the wire, before anything normalised it. */
export interface RequestHead {
  readonly method: string;
  /** The request target, as sent. */
  readonly target: string;
  /** Header names in lower case; a header sent twice has two entries. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Refusal {
  readonly status: 400 | 403 | 414;
  readonly sentence: string;
}

export interface Gate {
  readonly port: number;
  /** The launch token; also the cookie's value. */
  readonly token: string;
}

/** Our longest address is a tile's; anything near this is not ours. */
export const maxTargetLength = 2048;

type Rule = (head: RequestHead, gate: Gate) => Refusal | null;

const rules: readonly Rule[] = [targetIsPlain, hostIsOurs, initiatorIsOurs, originIsOurs];

/** The first rule that a request breaks before it is asked for its token; null where it breaks none. */
export function refusalOf(head: RequestHead, gate: Gate): Refusal | null {
  for (const rule of rules) {
    const refusal = rule(head, gate);
    if (refusal !== null) return refusal;
  }
  return null;
}

/** What anyone without the cookie sees, whatever they ask for. */
export const notAdmitted: Refusal = {
  status: 403,
  sentence: 'this is a private workstation: paste the address that its terminal printed into the address bar',
};

/** Cookies do not know ports: the name keeps two workstations on one machine apart. */
export function cookieName(port: number): string {
  return `histoloop-${port}`;
}

/** True where the request brings the cookie that the launch address was exchanged for. */
export function hasCookie(head: RequestHead, gate: Gate): boolean {
  const wanted = cookieName(gate.port);
  const pairs = valuesOf(head, 'cookie').flatMap((value) => value.split(';'));
  return pairs.some((pair) => {
    const at = pair.indexOf('=');
    return pair.slice(0, at).trim() === wanted && sameSecret(pair.slice(at + 1).trim(), gate.token);
  });
}

/** Compares in a time that does not depend on where the two differ. */
export function sameSecret(given: string, secret: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}

function valuesOf(head: RequestHead, name: string): string[] {
  return head.headers.filter(([header]) => header === name).map(([, value]) => value);
}

/** Our addresses need no escapes of dots, slashes, NUL or per cent; whoever sends them is looking for a way out. */
function targetIsPlain({ target }: RequestHead): Refusal | null {
  if (target.length > maxTargetLength) return { status: 414, sentence: 'the address is too long' };
  const [path = ''] = target.split('?', 1);
  const plain = path.startsWith('/') && !/[^\x21-\x7e]|\\|%(?:00|2e|2f|5c|25)/i.test(path);
  if (plain && !path.split('/').some((part) => part === '.' || part === '..')) return null;
  return { status: 400, sentence: 'this address has a form that the workstation does not use' };
}

/** Stops DNS rebinding: a page whose name was pointed at 127.0.0.1 still sends its own name as Host. */
function hostIsOurs(head: RequestHead, { port }: Gate): Refusal | null {
  const hosts = valuesOf(head, 'host');
  const [host] = hosts;
  if (hosts.length === 1 && (host === `127.0.0.1:${port}` || host === `localhost:${port}`)) return null;
  return { status: 403, sentence: `this workstation answers as 127.0.0.1:${port} only` };
}

/** `same-site` is refused too: for a browser, another port of 127.0.0.1 is the same site. */
function initiatorIsOurs(head: RequestHead): Refusal | null {
  const foreign = valuesOf(head, 'sec-fetch-site').some((value) => value !== 'same-origin' && value !== 'none');
  return foreign
    ? { status: 403, sentence: 'another page may not use this workstation; open its address directly' }
    : null;
}

/** Browsers send Origin with every request that could change something; so must everyone else. */
function originIsOurs(head: RequestHead): Refusal | null {
  const origins = valuesOf(head, 'origin');
  const [host] = valuesOf(head, 'host');
  const reads = head.method === 'GET' || head.method === 'HEAD';
  if (origins.length === 0 && reads) return null;
  if (origins.length === 1 && origins[0] === `http://${host}`) return null;
  return { status: 403, sentence: 'requests that change something must come from the workstation’s own window' };
}
