/**
 * The fine-tuning job: reads the corrected blocks, teaches a copy of the live model, and lets the copy live only if it is
 * better on the blocks it never saw.
 */
import { freemem } from 'node:os';
import { throwIfCancelled } from '../../core/cancel.ts';
import type { JobResult, TrainingRecord } from '../../core/contract.ts';
import { isHistoloopError } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';
import type { TrainingBlock } from '../../core/learn/blocks.ts';
import type { ModelCard } from '../../core/learn/model-card.ts';
import { fineTune } from '../../core/learn/segment.ts';
import type { JobContext } from '../jobs.ts';
import type { LoadedModel } from '../model-library.ts';
import type { CorrectionBlock } from '../store/store-methods.ts';
import { predictedLayers } from './layers.ts';
import { type Parts, scaleFor } from './parts.ts';
import { checkpointFolder, type DiskKeeper, hashOfData, keepOnDisk } from './training-keeper.ts';

export interface TrainInput {
  readonly modelId: string;
  readonly steps: number;
  readonly seed: number;
}

/** Of the memory that is free when a training begins; the rest is for the window and for other programs. */
const SHARE_OF_MEMORY = 0.75;
/** Mask pixels of a correction block's edge (the store books corrections in such blocks). */
const BLOCK_PX = 256;
/** What memory holds: a block takes about 0.7 MB while it is learned from. */
const MOST_BLOCKS = { train: 1200, 'held-out': 400 } as const;

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

/**
 * What a model said of a block: it keeps untouched pixels from drifting. The model that learns first; where it has not
 * predicted there, the newest that has.
 */
async function predictedAround(parts: Parts, block: CorrectionBlock, maskRect: Rect, modelId: string) {
  for (const { layer } of await predictedLayers(parts.store, block.slideId, modelId)) {
    const labels = await parts.store.readLabels(layer.layerId, maskRect);
    if (labels.some((value) => value !== 0)) return labels;
  }
  return null;
}

async function readBlock(parts: Parts, block: CorrectionBlock, model: LoadedModel): Promise<TrainingBlock | null> {
  const entry = await parts.shelf.open(block.slideId);
  const d = entry.row.maskDownsample;
  const maskRect = { x: block.column * BLOCK_PX, y: block.row * BLOCK_PX, width: BLOCK_PX, height: BLOCK_PX };
  const human = await parts.store.readLabels(block.layerId, maskRect);
  if (human.every((value) => value === 0)) return null;
  const predicted = await predictedAround(parts, block, maskRect, model.version.modelId);
  const px = Math.max(1, Math.round(BLOCK_PX * scaleFor(model.card, entry)));
  const slideRect = { x: maskRect.x * d, y: maskRect.y * d, width: BLOCK_PX * d, height: BLOCK_PX * d };
  return {
    key: `${block.slideId}/${block.column},${block.row}`,
    image: await entry.slide.region(slideRect, px, px),
    human: resampleLabels(human, BLOCK_PX, px),
    predicted: predicted && resampleLabels(predicted, BLOCK_PX, px),
  };
}

/** The newest of each part, and how many older ones were left out. */
function newest(blocks: readonly CorrectionBlock[], part: CorrectionBlock['part']) {
  const all = blocks.filter((block) => block.part === part).toSorted((a, b) => b.editId - a.editId);
  return { kept: all.slice(0, MOST_BLOCKS[part]), leftOut: Math.max(0, all.length - MOST_BLOCKS[part]) };
}

async function readBlocks(parts: Parts, model: LoadedModel, job: JobContext) {
  const blocks = await parts.store.correctionBlocks();
  const [train, heldOut] = [newest(blocks, 'train'), newest(blocks, 'held-out')];
  const total = train.kept.length + heldOut.kept.length;
  let done = 0;
  const read = async (list: readonly CorrectionBlock[]) => {
    const found: TrainingBlock[] = [];
    for (const block of list) {
      throwIfCancelled(job.signal);
      const read = await readBlock(parts, block, model);
      if (read) found.push(read);
      job.progress(++done, total, 'blocks read');
    }
    return found;
  };
  const leftOut = train.leftOut + heldOut.leftOut;
  const warnings = leftOut > 0 ? [`${leftOut} older corrected blocks were left out: memory holds only the newest`] : [];
  return { train: await read(train.kept), heldOut: await read(heldOut.kept), warnings };
}

function describe(record: TrainingRecord, promoted: boolean): string {
  const points = (value: number) => (value * 100).toFixed(1);
  const change = `Dice on held-out corrections ${points(record.diceBefore)} → ${points(record.diceAfter)}`;
  if (promoted) return change;
  return record.diceAfter > record.diceBefore
    ? `${change}: better, but another version was chosen meanwhile; choose this one by hand if you want it`
    : `${change}: not better, so the old version stays live`;
}

/** Scores and words on the old version would be untrue of the new one; where its first pixels came from stays true. */
function cardAfter({ card }: LoadedModel, number: number, record: TrainingRecord): ModelCard {
  const description = `${card.name}, fine-tuned with Histoloop on ${record.corrections} corrections`;
  return { ...card, version: String(number), description, trainingCommand: null, scores: [] };
}

/** Lets the new version live only where it is better than what is live now, and nobody chose otherwise meanwhile. */
async function keepVersion(parts: Parts, model: LoadedModel, bytes: Uint8Array, record: TrainingRecord) {
  const better = record.diceAfter > record.diceBefore;
  const number = (await parts.library.list()).length + 1;
  const version = await parts.library.add({
    name: `${model.card.name} v${number}`,
    parentId: model.version.modelId,
    state: better ? 'candidate' : 'refused',
    bytes,
    card: cardAfter(model, number, record),
    classIds: model.classIds,
    training: record,
  });
  const { liveModelId } = await parts.store.project();
  const promoted = better && liveModelId === model.version.modelId;
  if (promoted) await parts.library.activate(version.modelId);
  parts.events.emit({ kind: 'model.changed', liveModelId: promoted ? version.modelId : (liveModelId ?? '') });
  return { modelId: version.modelId, promoted };
}

/** Counts the steps that this run did, so that the rate does not speak of those before an interruption. */
function stepsOf(job: JobContext) {
  let before: number | null = null;
  return (step: number, total: number, loss: number) => {
    before ??= step - 1;
    job.loss(step, loss);
    job.progress(step, total, 'steps', before);
  };
}

/** Only what was cut off is gone on with: not what a person cancelled, nor what would fail in the same way again. */
async function dropUnlessWanted(keeper: DiskKeeper, error: unknown, job: JobContext): Promise<never> {
  const cutOff = job.closing() || (isHistoloopError(error) && error.code === 'engine-died');
  if (!cutOff) await keeper.drop();
  throw error;
}

export async function runTrain(parts: Parts, input: TrainInput, job: JobContext): Promise<JobResult> {
  const startedAt = performance.now();
  const model = await parts.library.load(input.modelId);
  job.say('reading corrections');
  const corrections = await parts.store.correctionCount();
  const { train, heldOut, warnings } = await readBlocks(parts, model, job);
  job.say('learning');
  const keeper = keepOnDisk({
    folder: checkpointFolder(parts.store.folder),
    dataSha256: hashOfData(model.bytes, train, job.signal),
    everyMs: parts.checkpointEveryMs,
    job,
  });
  const options = { card: model.card, classIds: model.classIds, train, heldOut, steps: input.steps, seed: input.seed };
  const onStep = stepsOf(job);
  const { lowering, provider } = await parts.engine.status();
  const memoryBudgetBytes = provider === 'cpu' ? freemem() * SHARE_OF_MEMORY : undefined;
  const running = {
    lowering,
    memoryBudgetBytes,
    model: model.bytes,
    open: parts.engine.open,
    onStep,
    keeper,
    signal: job.signal,
  };
  const learned = await fineTune({ ...options, ...running }).catch((error: unknown) =>
    dropUnlessWanted(keeper, error, job),
  );
  throwIfCancelled(job.signal);
  const record: TrainingRecord = {
    corrections,
    trainingBlocks: train.length,
    heldOutBlocks: heldOut.length,
    steps: learned.steps,
    seconds: (performance.now() - startedAt) / 1000,
    seed: input.seed,
    diceBefore: learned.diceBefore,
    diceAfter: learned.diceAfter,
    warnings: [...warnings, ...learned.warnings],
  };
  const { modelId, promoted } = await keepVersion(parts, model, learned.model, record);
  await keeper.drop();
  job.say(describe(record, promoted));
  return { kind: 'train', modelId, promoted, record };
}
