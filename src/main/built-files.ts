/** Where the build's other bundles lie, seen from source as well as from a bundle or one of its chunks. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HistoloopError } from '../core/errors.ts';

/** Absolute path of `out/renderer` or `out/preload`. Errors: `file-missing` where the program was not built. */
export function builtFolder(name: 'renderer' | 'preload'): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, 'out', name);
    if (existsSync(candidate)) return candidate;
  }
  throw new HistoloopError('file-missing', `out/${name} is missing: run npm run build, or install Histoloop again`);
}
