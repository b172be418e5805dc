/**
 * The window's built files (out/renderer) by address. The set is listed once at the start and looked up by exact
 * name, so that no address, however encoded, can reach a file that is not in it.
 * Must not answer calls or tiles (api) and must not ask who is there (loopback-guard).
 */
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { HistoloopError } from '../core/errors.ts';

/** Answers a GET or HEAD for a file of the window; null where there is none of that name. */
export type WindowFiles = (pathname: string) => Promise<Response | null>;

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
};

/**
 * Lists the folder's regular files (links are left out) and answers from that list only.
 * Fails with `file-missing` where the window was never built.
 */
export async function openWindowFiles(rendererFolder: string): Promise<WindowFiles> {
  const paths = await listFiles(rendererFolder);
  const index = paths.get('/index.html');
  if (index === undefined) {
    throw new HistoloopError('file-missing', `the window is not built in ${rendererFolder}: run npm run build`);
  }
  paths.set('/', index);
  return async (pathname) => {
    const path = paths.get(pathname);
    return path === undefined ? null : await answer(pathname, path);
  };
}

async function listFiles(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    paths.set(`/${relative(folder, path).split(sep).join('/')}`, path);
  }
  return paths;
}

async function answer(pathname: string, path: string): Promise<Response | null> {
  const bytes = await readFile(path).catch(() => null);
  if (bytes === null) return null;
  return new Response(bytes, {
    headers: {
      'content-type': contentTypes[extname(path)] ?? 'application/octet-stream',
      'content-length': String(bytes.length),
      'cache-control': isHashed(pathname) ? 'public, max-age=31536000, immutable' : 'no-store',
    },
  });
}

/** Vite writes a hash of the content into the name of everything under /assets. */
function isHashed(pathname: string): boolean {
  return pathname.startsWith('/assets/');
}
