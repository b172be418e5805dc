/** Writing a file that is never found half written. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toDiskError } from './dataset/disk-errors.ts';
import { syncFolder } from './dataset/sync-folder.ts';

/**
 * Writes the parts, one after the other, as a file that is whole or absent, also after a power cut. Errors: `disk-full`,
 * `disk-read-only`, and what else the disk says.
 */
export async function writeWhole(path: string, ...parts: readonly Uint8Array[]): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'w');
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw toDiskError(error, dirname(path));
  }
}
