/** Files for one test file, removed when it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { HistoloopError } from '../../../src/core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'histoloop-slide-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;

export function temporaryFile(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, `${count++}-${name}`);
  writeFileSync(path, bytes);
  return path;
}

export function temporaryFolder(): string {
  return folder;
}

/** What a rejected promise was rejected with; fails where it is no tagged error with a sentence. */
export async function taggedError(work: Promise<unknown>): Promise<HistoloopError> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof HistoloopError)) throw new Error('a stranger was thrown', { cause: error });
    if (error.message.length < 9) throw new Error(`no sentence: ${error.message}`);
    return error;
  }
  throw new Error('nothing was thrown');
}
