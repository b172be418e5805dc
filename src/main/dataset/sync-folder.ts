/** A file that was made or renamed is on disk for good only once its folder is. */
import { open } from 'node:fs/promises';

/** Windows knows no flushing of folders; its file system journals renames itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
