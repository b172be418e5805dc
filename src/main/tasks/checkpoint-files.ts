/**
 * Checkpoints of a training on disk, each whole or absent: written beside, synced, renamed, read back, and only then is the
 * one before it removed. It knows nothing of what a training is; `core/learn/training-checkpoint.ts` is the form.
 */
import { createHash } from 'node:crypto';
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import { checkpointParts, readCheckpoint, type TrainingCheckpoint } from '../../core/learn/training-checkpoint.ts';
import { writeWhole } from '../write-whole.ts';

/** One read of Node's takes no more; about 170 million parameters with their two moments. */
const MAX_BYTES = 2 ** 31 - 1;
const DIGEST_BYTES = 32;
const NAME = /^step-(\d{1,9})\.checkpoint$/;

/** Errors: `disk-full`, `disk-read-only`, `file-unreadable` (too large, or not what was written). The older ones stay then. */
export async function writeCheckpoint(folder: string, checkpoint: TrainingCheckpoint): Promise<void> {
  const name = `step-${String(checkpoint.losses.length).padStart(6, '0')}.checkpoint`;
  await writeWhole(join(folder, name), ...closed(checkpointParts(checkpoint)));
  await readFileWhole(join(folder, name));
  for (const other of await readdir(folder)) {
    if (other !== name) await rm(join(folder, other), { force: true, recursive: true });
  }
}

/** The newest checkpoint of that training that can be read, or null; `refused` tells why newer ones could not be used. */
export async function newestCheckpoint(
  folder: string,
  identity: string,
): Promise<{ checkpoint: TrainingCheckpoint | null; refused: readonly string[] }> {
  const names = await readdir(folder).catch(() => []);
  const steps = (name: string) => Number(NAME.exec(name)?.[1]);
  const candidates = names.filter((name) => NAME.test(name)).sort((a, b) => steps(b) - steps(a));
  const refused: string[] = [];
  for (const name of candidates) {
    try {
      const checkpoint = await readFileWhole(join(folder, name));
      if (checkpoint.identity === identity) return { checkpoint, refused };
      refused.push(`${name}: it belongs to another training`);
    } catch (error) {
      refused.push(`${name}: ${isHistoloopError(error) ? error.message : String(error)}`);
    }
  }
  return { checkpoint: null, refused };
}

/** The parts and the digest of them all. */
function closed(parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, DIGEST_BYTES);
  if (bytes <= MAX_BYTES) {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(part);
    return [...parts, hash.digest()];
  }
  const message = `this training's state of ${bytes} bytes is too large to keep; if it is cut off it begins anew`;
  throw new HistoloopError('file-unreadable', message);
}

async function readFileWhole(path: string): Promise<TrainingCheckpoint> {
  const file = await open(path, 'r');
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > MAX_BYTES) {
      throw new HistoloopError('file-unreadable', `${path} is no checkpoint: it has ${facts.size} bytes`);
    }
    return readCheckpoint(await file.readFile(), (bytes) => createHash('sha256').update(bytes).digest());
  } finally {
    await file.close();
  }
}
