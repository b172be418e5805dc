/**
 * Keeps a training's checkpoints in the project, so that one that a crash or a power cut ended goes on where it stood.
 * A checkpoint belongs to one network, one set of blocks and one recipe; any other training begins anew.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../../core/cancel.ts';
import { toPlainError } from '../../core/errors.ts';
import type { TrainingBlock } from '../../core/learn/blocks.ts';
import type { TrainingFacts, TrainingKeeper } from '../../core/learn/training-keeper.ts';
import type { JobContext } from '../jobs.ts';
import { newestCheckpoint, writeCheckpoint } from './checkpoint-files.ts';

export interface DiskKeeper extends TrainingKeeper {
  /** The training is over, or nobody wants it any more. */
  drop(): Promise<void>;
}

export interface KeeperOptions {
  /** Holds this training's checkpoints and nothing else. */
  readonly folder: string;
  /** Hash of the network and of all it learns from (`hashOfData`). */
  readonly dataSha256: string;
  readonly everyMs: number;
  readonly job: JobContext;
}

/** Writing takes at most this share of the time. */
const MOST_SHARE = 0.05;

export function keepOnDisk({ folder, dataSha256, everyMs, job }: KeeperOptions): DiskKeeper {
  let identity = '';
  let nextAt = performance.now() + everyMs;
  return {
    async recall(facts) {
      identity = identityOf(facts, dataSha256);
      const { checkpoint, refused } = await newestCheckpoint(folder, identity);
      if (refused.length > 0)
        job.say(`learning from the beginning; what was left of an earlier one is of no use: ${refused[0]}`);
      if (!checkpoint) return null;
      for (const [i, loss] of checkpoint.losses.entries()) job.loss(i + 1, loss);
      job.say(`learning, from step ${checkpoint.losses.length} on, where it was interrupted`);
      return checkpoint;
    },
    due: () => job.closing() || performance.now() >= nextAt,
    async keep(checkpoint) {
      const startedAt = performance.now();
      await writeCheckpoint(folder, { identity, ...checkpoint }).catch((error: unknown) => {
        job.say(`learning; if it is cut off it must begin anew: ${toPlainError(error).message}`);
      });
      const now = performance.now();
      nextAt = now + Math.max(everyMs, (now - startedAt) / MOST_SHARE);
    },
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Folder of the checkpoints of a project: only one training runs at a time. */
export function checkpointFolder(projectFolder: string): string {
  return join(projectFolder, 'training');
}

function identityOf({ program, settings }: TrainingFacts, dataSha256: string): string {
  const parts = [sha256(program), JSON.stringify(settings), dataSha256];
  return sha256(JSON.stringify(parts));
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Hash of everything that a training sees: the network's bytes and each block's picture and labels. */
export function hashOfData(model: Uint8Array, blocks: readonly TrainingBlock[], signal: AbortSignal): string {
  const hash = createHash('sha256').update(model);
  for (const { key, image, human, predicted } of blocks) {
    throwIfCancelled(signal);
    hash
      .update(`${key} ${image.width} ${image.height} ${predicted !== null}`)
      .update(image.data)
      .update(human);
    if (predicted) hash.update(predicted);
  }
  return hash.digest('hex');
}
