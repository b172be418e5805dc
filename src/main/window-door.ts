/**
 * What both windowed shells answer: calls and tiles by the workstation's handler, everything else from the window's
 * files, each with the security headers. Must not know which shell asks, and lets no error's insides out.
 */
import type { Handler } from './api.ts';
import { secured, sentencePage } from './security-headers.ts';
import type { WindowFiles } from './window-files.ts';

/** Addresses that are the workstation's, with the methods each takes; all others are files of the window. */
const routes: readonly { readonly prefix: string; readonly methods: readonly string[] }[] = [
  { prefix: '/rpc/', methods: ['POST'] },
  { prefix: '/tile/', methods: ['GET'] },
  { prefix: '/mask/', methods: ['GET'] },
];
const fileMethods: readonly string[] = ['GET', 'HEAD'];

export interface WindowDoorOptions {
  readonly handler: Handler;
  readonly files: WindowFiles;
  /** Told of every error that the handler let out; the asker only learns that there was one. */
  readonly onError: (error: unknown) => void;
}

/** One handler over both; it never rejects. */
export function windowDoor(options: WindowDoorOptions): Handler {
  return async (request) => {
    try {
      return secured(await route(request, options));
    } catch (error) {
      options.onError(error);
      return secured(sentencePage(500, 'the workstation failed on this request; its log says why'));
    }
  };
}

async function route(request: Request, { handler, files }: WindowDoorOptions): Promise<Response> {
  const { pathname } = new URL(request.url);
  const wrong = methodRefusal(request.method, pathname);
  if (wrong !== null) return wrong;
  if (routeOf(pathname) !== undefined) return await handler(request);
  return (await files(pathname)) ?? sentencePage(404, 'there is no such page');
}

/** The answer to a method that an address does not take, or null. A web Request cannot even be made of some (TRACE). */
export function methodRefusal(method: string, pathname: string): Response | null {
  const methods = routeOf(pathname)?.methods ?? fileMethods;
  if (methods.includes(method)) return null;
  return sentencePage(405, `this address takes ${methods.join(' and ')} only`, { allow: methods.join(', ') });
}

function routeOf(pathname: string) {
  return routes.find(({ prefix }) => pathname.startsWith(prefix));
}
