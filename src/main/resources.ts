/** Where the files that ship with the program lie: the folder `resources` above this module, from source and from a bundle. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HistoloopError } from '../core/errors.ts';

/** Absolute path of a shipped file. Errors: `file-missing` (a broken installation). */
export function resourcePath(...names: readonly string[]): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let depth = 0; depth < 5; depth++) {
    const candidate = join(folder, 'resources', ...names);
    if (existsSync(candidate)) return candidate;
    folder = dirname(folder);
  }
  throw new HistoloopError(
    'file-missing',
    `${names.join('/')} is missing from the installation; install Histoloop again`,
  );
}
