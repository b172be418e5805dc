/** Where the child's script lies: beside this module in the sources, beside or above the bundle's chunks once built. */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '../../core/errors.ts';

/** Absolute path of `engine-child` for a module at `moduleUrl`. */
export function childEntry(moduleUrl: string): string {
  const here = dirname(fileURLToPath(moduleUrl));
  const candidates = ['engine-child.ts', 'engine-child.js', '../engine-child.js'].map((name) => resolve(here, name));
  const found = candidates.find((path) => existsSync(path));
  assert(
    found !== undefined,
    `no engine-child beside ${here}; build it as an entry of its own (electron.vite.config.ts)`,
  );
  return found;
}
