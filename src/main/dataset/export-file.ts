/** One file of an export, written from front to back, measured while it is written and on disk when it is finished. */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface FileRecord {
  readonly bytes: number;
  readonly sha256: string;
}

export interface ExportFile {
  /** Text or bytes at the end; small pieces are collected. */
  write(piece: string | Uint8Array): Promise<void>;
  /** Overwrites bytes that were written before; the file is then read again to be measured. */
  patch(at: number, bytes: Uint8Array): Promise<void>;
  /** Bytes written so far. */
  position(): number;
  /** Flushes to the disk itself, closes, and books the file. */
  finish(): Promise<void>;
  /** Closes without booking; for failures. */
  abandon(): Promise<void>;
}

/** All files of one export: the only way to make one. */
export interface ExportFiles {
  create(path: string): Promise<ExportFile>;
  /** A whole small file at once. */
  put(path: string, content: string | Uint8Array): Promise<void>;
  /** Finished files by path relative to the export, with `/`. */
  readonly records: ReadonlyMap<string, FileRecord>;
  /** Closes what a failure left open. */
  abandon(): Promise<void>;
}

const BUFFER_BYTES = 1 << 18;

export function createExportFiles(folder: string): ExportFiles {
  const records = new Map<string, FileRecord>();
  const unfinished = new Set<ExportFile>();
  async function create(path: string): Promise<ExportFile> {
    const target = join(folder, ...path.split('/'));
    await mkdir(dirname(target), { recursive: true });
    const file = await openFile(target, (record) => {
      records.set(path, record);
      unfinished.delete(file);
    });
    unfinished.add(file);
    return file;
  }
  return {
    create,
    records,
    async put(path, content) {
      const file = await create(path);
      await file.write(content);
      await file.finish();
    },
    async abandon() {
      for (const file of unfinished) await file.abandon();
      unfinished.clear();
    },
  };
}

async function openFile(target: string, book: (record: FileRecord) => void): Promise<ExportFile> {
  const handle = await open(target, 'wx+');
  let hash = createHash('sha256');
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let bytes = 0;
  let flushed = 0;
  let patched = false;
  async function flush(): Promise<void> {
    const chunk = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const { bytesWritten } = await handle.write(chunk, at, chunk.length - at, flushed);
      at += bytesWritten;
      flushed += bytesWritten;
    }
  }
  return {
    async write(piece) {
      const chunk = typeof piece === 'string' ? Buffer.from(piece) : Buffer.from(piece);
      waiting.push(chunk);
      waitingBytes += chunk.length;
      bytes += chunk.length;
      if (waitingBytes >= BUFFER_BYTES) await flush();
    },
    async patch(at, patch) {
      await flush();
      await handle.write(patch, 0, patch.length, at);
      patched = true;
    },
    position: () => bytes,
    async finish() {
      await flush();
      if (patched) hash = await hashAgain(handle, bytes);
      await handle.sync();
      await handle.close();
      book({ bytes, sha256: hash.digest('hex') });
    },
    abandon: () => handle.close(),
  };
}

async function hashAgain(handle: FileHandle, bytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw new Error(`a file of ${bytes} bytes ended at ${at} while it was read again`);
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return hash;
}
