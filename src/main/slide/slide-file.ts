/**
 * One open file of a slide: its size, its first bytes, and reads that never run past its end.
 * It knows nothing of formats; every failure is told in words a user can act on.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { HistoloopError } from '../../core/errors.ts';

const HEAD_BYTES = 4096;

export interface SlideFile {
  readonly path: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** The first bytes (at most 4096): what formats are told apart by. */
  readonly head: Uint8Array;
  /** Exactly `length` bytes at `offset`. Errors: `slide-damaged` (past the end), `file-unreadable`. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Errors: `file-missing`, `file-unreadable` (a folder, no permission), `slide-damaged` (empty). */
export async function openSlideFile(path: string): Promise<SlideFile> {
  const name = basename(path);
  const handle = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw openFailure(path, cause);
  });
  try {
    const stats = await handle.stat();
    if (stats.isDirectory()) {
      throw new HistoloopError('file-unreadable', `${name} is a folder: choose a slide file`, { data: { path } });
    }
    if (!stats.isFile()) {
      throw new HistoloopError('file-unreadable', `${name} is not an ordinary file: choose a slide file`, {
        data: { path },
      });
    }
    if (stats.size === 0) {
      throw new HistoloopError('slide-damaged', `${name} is empty (0 bytes): copy it again from its source`, {
        data: { path },
      });
    }
    const read = (offset: number, length: number) => readExactly(handle, name, stats.size, { offset, length });
    const head = await read(0, Math.min(HEAD_BYTES, stats.size));
    return { path, name, sizeBytes: stats.size, head, read, close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function openFailure(path: string, cause: NodeJS.ErrnoException): HistoloopError {
  const name = basename(path);
  const data = { path };
  if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
    const message = `there is no file ${path}: it may have been moved or renamed, or its drive is not connected`;
    return new HistoloopError('file-missing', message, { cause, data });
  }
  if (cause.code === 'EACCES' || cause.code === 'EPERM') {
    const message = `${name} may not be read by this user: ask for read permission on ${path}`;
    return new HistoloopError('file-unreadable', message, { cause, data });
  }
  if (cause.code === 'ERR_INVALID_ARG_VALUE') {
    return new HistoloopError('bad-input', 'a path must not contain a zero character', { cause });
  }
  return new HistoloopError('file-unreadable', `${name} cannot be opened (${cause.code ?? cause.message})`, {
    cause,
    data,
  });
}

async function readExactly(
  handle: FileHandle,
  name: string,
  sizeBytes: number,
  span: { offset: number; length: number },
): Promise<Uint8Array> {
  const { offset, length } = span;
  const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!sound || offset + length > sizeBytes) throw pastTheEnd(name, sizeBytes, span);
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, offset + done).catch((cause: Error) => {
      throw new HistoloopError('file-unreadable', `${name} cannot be read: ${cause.message}`, { cause });
    });
    if (bytesRead === 0) throw pastTheEnd(name, offset + done, span);
    done += bytesRead;
  }
  return bytes;
}

function pastTheEnd(name: string, sizeBytes: number, span: { offset: number; length: number }): HistoloopError {
  const message =
    `${name} ends after ${sizeBytes} bytes but says it has data at byte ${span.offset}: ` +
    'it was probably cut short while being copied; copy it again from its source';
  return new HistoloopError('slide-damaged', message, { data: { ...span, sizeBytes } });
}
