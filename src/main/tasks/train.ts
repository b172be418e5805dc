/**
 * The fine-tuning job: reads the corrected blocks, teaches a copy of the live model, and lets the copy live only if it is
 * better on the blocks it never saw.
 */
import type { JobResult, TrainingRecord } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { TrainingBlock } from '../../core/learn/blocks.ts';
import { modelScale } from '../../core/learn/predict.ts';
import { fineTune } from '../../core/learn/segment.ts';
import type { JobContext } from '../jobs.ts';
import type { LoadedModel } from '../model-library.ts';
import type { CorrectionBlock } from '../store/store-methods.ts';
import { classIdsFor, type Parts } from './parts.ts';

export interface TrainInput {
  readonly modelId: string;
  readonly steps: number;
  readonly seed: number;
}

/** Mask pixels of a correction block's edge (the store books corrections in such blocks). */
const BLOCK_PX = 256;

/** Every pixel of a label block at another size, nearest neighbour. */
function resampleLabels(labels: Uint8Array, size: number, target: number): Uint8Array {
  if (size === target) return labels;
  const result = new Uint8Array(target * target);
  const source = Int32Array.from({ length: target }, (_, i) =>
    Math.min(size - 1, Math.floor(((i + 0.5) * size) / target)),
  );
  for (let y = 0; y < target; y++) {
    for (let x = 0; x < target; x++) result[y * target + x] = labels[source[y]! * size + source[x]!]!;
  }
  return result;
}

async function readBlock(parts: Parts, block: CorrectionBlock, model: LoadedModel): Promise<TrainingBlock | null> {
  const entry = await parts.shelf.open(block.slideId);
  const d = entry.row.maskDownsample;
  const maskRect = { x: block.column * BLOCK_PX, y: block.row * BLOCK_PX, width: BLOCK_PX, height: BLOCK_PX };
  const human = await parts.store.readLabels(block.layerId, maskRect);
  if (human.every((value) => value === 0)) return null;
  const layer = (await parts.store.layersOf(block.slideId)).find((l) => l.modelId === model.version.modelId);
  const predicted = layer ? await parts.store.readLabels(layer.layerId, maskRect) : null;
  const px = Math.max(1, Math.round(BLOCK_PX * modelScale(model.card, entry.info.pixelSize.xUm, d)));
  const slideRect = { x: maskRect.x * d, y: maskRect.y * d, width: BLOCK_PX * d, height: BLOCK_PX * d };
  return {
    key: `${block.slideId}/${block.column},${block.row}`,
    image: await entry.slide.region(slideRect, px, px),
    human: resampleLabels(human, BLOCK_PX, px),
    predicted: predicted && resampleLabels(predicted, BLOCK_PX, px),
  };
}

async function readBlocks(parts: Parts, model: LoadedModel, job: JobContext) {
  const train: TrainingBlock[] = [];
  const heldOut: TrainingBlock[] = [];
  const blocks = await parts.store.correctionBlocks();
  for (const [index, block] of blocks.entries()) {
    if (job.signal.aborted) throw new HistoloopError('cancelled', 'cancelled');
    const read = await readBlock(parts, block, model);
    if (read) (block.part === 'train' ? train : heldOut).push(read);
    job.progress(index + 1, blocks.length, 'blocks read');
  }
  return { train, heldOut };
}

function describe(record: TrainingRecord): string {
  const points = (value: number) => (value * 100).toFixed(1);
  const change = `Dice on held-out corrections ${points(record.diceBefore)} → ${points(record.diceAfter)}`;
  return record.diceAfter > record.diceBefore ? change : `${change}: not better, so the old version stays live`;
}

export async function runTrain(parts: Parts, input: TrainInput, job: JobContext): Promise<JobResult> {
  const startedAt = performance.now();
  const model = await parts.library.load(input.modelId);
  job.say('reading corrections');
  const { train, heldOut } = await readBlocks(parts, model, job);
  const classIds = await classIdsFor(parts, model.card);
  job.say('learning');
  const learned = await fineTune({
    model: model.bytes,
    card: model.card,
    classIds,
    train,
    heldOut,
    steps: input.steps,
    seed: input.seed,
    open: parts.engine.open,
    onStep(step, total, loss) {
      job.loss(step, loss);
      job.progress(step, total, 'steps');
    },
    signal: job.signal,
  });
  const record: TrainingRecord = {
    corrections: await parts.store.correctionCount(),
    trainingBlocks: train.length,
    heldOutBlocks: heldOut.length,
    steps: learned.steps,
    seconds: (performance.now() - startedAt) / 1000,
    seed: input.seed,
    diceBefore: learned.diceBefore,
    diceAfter: learned.diceAfter,
    warnings: learned.warnings,
  };
  const promoted = record.diceAfter > record.diceBefore;
  const number = (await parts.library.list()).length;
  const version = await parts.library.add({
    name: `${model.card.name} v${number}`,
    parentId: model.version.modelId,
    state: promoted ? 'candidate' : 'refused',
    bytes: learned.model,
    card: { ...model.card, version: String(number) },
    training: record,
  });
  if (promoted) await parts.library.activate(version.modelId);
  parts.events.emit({ kind: 'model.changed', liveModelId: promoted ? version.modelId : model.version.modelId });
  job.say(describe(record));
  return { kind: 'train', modelId: version.modelId, promoted, record };
}
