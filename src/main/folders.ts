/**
 * Which folders a window may name: the project, what ships with the program, and those opened at launch or by a dialog.
 * A path is judged by where it really leads, links followed. The command line is not fenced: its user has a shell anyway.
 */
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { FolderListing } from '../core/contract.ts';
import { HistoloopError } from '../core/errors.ts';

export interface Folders {
  /** The real path, if it lies in an opened folder. Errors: `forbidden`, `file-missing`. */
  admit(path: string): Promise<string>;
  /** The same for something that need not exist yet: its parent must. */
  admitNew(path: string): Promise<string>;
  open(folder: string): void;
  list(folder: string | null): Promise<FolderListing>;
}

const MAX_ENTRIES = 5000;

function liesIn(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && way.split(sep)[0] !== '..';
}

async function realOf(path: string): Promise<string> {
  try {
    return await realpath(resolve(path));
  } catch (cause) {
    const message = `there is no file or folder ${path}; check the path, or whether its disk is connected`;
    throw new HistoloopError('file-missing', message, { cause });
  }
}

async function entryOf(folder: string, name: string): Promise<FolderListing['entries'][number] | null> {
  const path = join(folder, name);
  const found = await stat(path).catch(() => null);
  if (!found) return null;
  return { name, path, kind: found.isDirectory() ? 'folder' : 'file', sizeBytes: found.isDirectory() ? 0 : found.size };
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((cause) => {
    const message = `${folder} cannot be listed; it is no folder, or you may not read it`;
    throw new HistoloopError('file-unreadable', message, { cause });
  });
  return names.filter((name) => !name.startsWith('.')).sort();
}

/** `fenced` false admits every path (command line, tests of other things). */
export function createFolders(initial: readonly string[], fenced: boolean): Folders {
  const opened = new Set(initial.map((folder) => resolve(folder)));

  async function admitReal(real: string, asked: string): Promise<string> {
    if (!fenced) return real;
    for (const folder of opened) {
      const realFolder = await realpath(folder).catch(() => null);
      if (realFolder !== null && liesIn(realFolder, real)) return real;
    }
    const message = `${asked} lies outside the opened folders; start Histoloop with --folder ${dirname(asked)} to open it`;
    throw new HistoloopError('forbidden', message);
  }

  const admit = async (path: string) => admitReal(await realOf(path), path);

  /** The last name may be a link that is already there: then it counts where that leads. */
  async function admitNew(path: string): Promise<string> {
    const wanted = resolve(path);
    if (await lstat(wanted).catch(() => null)) return admit(wanted);
    return join(await admitReal(await realOf(dirname(wanted)), path), basename(wanted));
  }

  return {
    admit,
    admitNew,
    open: (folder) => void opened.add(resolve(folder)),
    async list(folder) {
      if (folder === null) {
        const roots = await Promise.all([...opened].map((path) => entryOf(dirname(path), basename(path))));
        return { folder: null, parent: null, entries: roots.filter((entry) => entry !== null) };
      }
      const real = await admit(folder);
      const names = (await namesIn(real)).slice(0, MAX_ENTRIES);
      const entries = (await Promise.all(names.map((name) => entryOf(real, name)))).filter((entry) => entry !== null);
      const parent = dirname(real);
      const open = parent !== real && (await admitReal(parent, parent).catch(() => null)) !== null;
      return { folder: real, parent: open ? parent : null, entries };
    },
  };
}
