/**
 * The `app:` scheme of shell 1: its one origin, its privileges, and the way of a request from Electron to the window's door.
 * Electron gives no abort signal: long calls are cancelled by `job.cancel`, streams by the end of their answer's body.
 * Must not import electron.
 */
import type { Handler } from './api.ts';
import type { PrivilegedScheme } from './electron-facade.ts';
import { secured, sentencePage } from './security-headers.ts';

export const windowOrigin = 'app://workstation';

/** `corsEnabled` stays off: it would open the scheme to other origins. */
export const appScheme: PrivilegedScheme = {
  scheme: 'app',
  privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
};

const maxBodyBytes = 64 * 1024 * 1024;

/** True for addresses of the window itself, and of nothing that merely begins like one. */
export function isOurs(url: string): boolean {
  return url === windowOrigin || url.startsWith(`${windowOrigin}/`);
}

/** Mounts the door as the scheme's handler; the body arrives whole and at most 64 MiB long. */
export function schemeHandler(door: Handler): Handler {
  return async (request) => {
    const origin = request.headers.get('origin');
    if (!isOurs(request.url) || (origin !== null && origin !== windowOrigin)) {
      return secured(sentencePage(403, 'this workstation answers its own window only'));
    }
    const body = request.body === null ? null : await request.arrayBuffer();
    if (body !== null && body.byteLength > maxBodyBytes) {
      return secured(sentencePage(413, `a request may bring ${maxBodyBytes} bytes at most`));
    }
    const { method, headers, url } = request;
    return await door(new Request(url, { method, headers: new Headers(headers), ...(body === null ? {} : { body }) }));
  };
}
