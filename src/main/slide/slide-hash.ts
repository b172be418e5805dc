/** The identity of a slide file: the SHA-256 of its bytes, read as a stream so that a gigabyte needs no memory. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type CancelSignal, throwIfCancelled } from '../../core/cancel.ts';
import { openSlideFile } from './slide-file.ts';

const CHUNK_BYTES = 1 << 20;

/** Lower-case hexadecimal. Errors: `file-missing`, `file-unreadable`, `slide-damaged` (empty), `cancelled`. */
export async function slideHash(path: string, signal?: CancelSignal): Promise<string> {
  await (await openSlideFile(path)).close();
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      throwIfCancelled(signal);
      hash.update(chunk);
    }
  });
  return hash.digest('hex');
}
