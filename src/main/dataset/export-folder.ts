/**
 * An export appears under its name whole or not at all: it is written into a hidden sibling, flushed, and renamed.
 * A folder that is not an earlier export of ours, or that holds one file more, is never replaced.
 */
import type { Dirent } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { HistoloopError } from '../../core/errors.ts';
import { syncFolder } from './sync-folder.ts';

export const MANIFEST_NAME = 'manifest.json';
/** First key of every manifest; tells our folders from others. */
export const MANIFEST_SCHEMA = 'histoloop-export/1';

export interface StagedFolder {
  /** Where to write. */
  readonly path: string;
  /** Puts it in place, replacing an earlier export. */
  publish(): Promise<void>;
  discard(): Promise<void>;
}

/** Files that operating systems leave in folders people look into. */
const LITTER = new Set(['.DS_Store', 'Thumbs.db', 'desktop.ini']);
let stagings = 0;

/** Errors: `conflict` where something else lies there; file system errors pass as they are. */
export async function stageFolder(folder: string): Promise<StagedFolder> {
  const target = resolve(folder);
  const parent = dirname(target);
  if (parent === target)
    throw new HistoloopError('bad-input', `cannot export to ${target} itself; name a folder in it`);
  await mkdir(parent, { recursive: true });
  await clearLeftovers(target);
  await checkReplaceable(target);
  const sibling = join(parent, `.${basename(target)}.${process.pid}-${stagings++}`);
  const path = `${sibling}.partial`;
  await mkdir(path);
  return {
    path,
    publish: async () => {
      await syncFolders(path);
      await swap(path, target, `${sibling}.old`);
      await syncFolder(parent);
    },
    discard: () => rm(path, { recursive: true, force: true }),
  };
}

async function swap(path: string, target: string, aside: string): Promise<void> {
  await checkReplaceable(target);
  const replaced = (await lstat(target).catch(absent)) !== null;
  if (replaced) await rename(target, aside);
  try {
    await rename(path, target);
  } catch (error) {
    if (replaced) await rename(aside, target);
    throw error;
  }
  if (replaced) await rm(aside, { recursive: true, force: true });
}

async function checkReplaceable(target: string): Promise<void> {
  const found = await lstat(target).catch(absent);
  if (found === null) return;
  const refusal = (reason: string) => {
    const message = `${target} ${reason}: nothing was written; choose another folder or clear this one`;
    return new HistoloopError('conflict', message, { data: { folder: target } });
  };
  if (!found.isDirectory()) throw refusal('is a file or a link, not a folder');
  const present = await filesBelow(target);
  if (present.length === 0) return;
  const known = await filesOfManifest(join(target, MANIFEST_NAME));
  if (known === null) throw refusal('holds files and is no earlier export of Histoloop');
  const stranger = present.find((file) => !known.has(file));
  if (stranger !== undefined) throw refusal(`holds ${stranger}, which is not part of the earlier export`);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory() && !LITTER.has(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** The files an earlier export wrote, or null where there is no manifest of ours. */
async function filesOfManifest(path: string): Promise<Set<string> | null> {
  try {
    const manifest = JSON.parse(await readFile(path, 'utf8'));
    if (manifest.schema !== MANIFEST_SCHEMA) return null;
    return new Set([MANIFEST_NAME, ...Object.keys(manifest.files)]);
  } catch {
    return null;
  }
}

/** What exports that were killed have left beside the target: halves go, an export that was set aside comes back. */
async function clearLeftovers(target: string): Promise<void> {
  const prefix = `.${basename(target)}.`;
  for (const name of await readdir(dirname(target))) {
    const match = name.startsWith(prefix) && /^(\d+)-\d+\.(partial|old)$/.exec(name.slice(prefix.length));
    if (!match || isRunning(Number(match[1]))) continue;
    const leftover = join(dirname(target), name);
    const lost = match[2] === 'old' && (await lstat(target).catch(absent)) === null;
    await (lost ? rename(leftover, target) : rm(leftover, { recursive: true, force: true }));
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolder(join(entry.parentPath, entry.name));
  }
  await syncFolder(folder);
}
