/**
 * The fine-tune recipe: a model version and corrected blocks in, a new version and an honest comparison out.
 * Held-out blocks are only ever compared on, once before and once after; the choice among checkpoints is made on a part
 * of the training blocks. Why these numbers: docs/decisions/0005.
 *
 * The model that comes out is as trainable as the one that went in: BatchNormalization stays in the file with its
 * running averages frozen, and the runtime folds it when it opens the file for inference.
 */

import type { CancelSignal } from '../cancel.ts';
import { HistoloopError } from '../errors.ts';
import type { OnnxModel } from '../nn/graph.ts';
import { endingOf } from '../nn/logits.ts';
import { decodeModel, encodeModel } from '../nn/onnx.ts';
import type { OpenSession, Tensor } from '../nn/session.ts';
import {
  buildTrainingProgram,
  type Lowering,
  type Optimiser,
  type TrainingProgram,
  writeParameters,
} from '../nn/training.ts';
import { createRandom, type Random } from '../random.ts';
import { type Augmentation, MODERATE } from './augment.ts';
import { learnableBlocks, type TrainingBlock } from './blocks.ts';
import { chooseCheckpoint, isCheckpoint } from './checkpoints.ts';
import { type Agreement, evaluateBlocks } from './evaluate.ts';
import type { ModelCard } from './model-card.ts';
import { type BatchSource, createBatches } from './patches.ts';
import type { Schedule } from './schedule.ts';
import { recallTraining, runKept, type TrainingFacts, type TrainingKeeper } from './training-keeper.ts';

export interface FineTuneOptions {
  /** ONNX bytes of the version to start from. */
  readonly model: Uint8Array;
  readonly card: ModelCard;
  /** Label id of each model class, by output channel. */
  readonly classIds: readonly number[];
  readonly train: readonly TrainingBlock[];
  readonly heldOut: readonly TrainingBlock[];
  readonly steps: number;
  readonly seed: number;
  readonly open: OpenSession;
  readonly onStep?: ((step: number, total: number, loss: number) => void) | undefined;
  readonly signal?: CancelSignal | undefined;
  /** Lets a training that was cut off go on; the result is the same as if it had not been. */
  readonly keeper?: TrainingKeeper | undefined;
  /** Patches per step (default 4) and their edge in model pixels (default 128). */
  readonly batch?: number | undefined;
  readonly patchPx?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly untouchedWeight?: number | undefined;
  readonly augmentation?: Augmentation | undefined;
  /** 0..1: how far to go from the old weights to the trained ones; default 0.5. */
  readonly newShare?: number | undefined;
  /** The form of the step that suits what runs it; default: the CPU. */
  readonly lowering?: Lowering | undefined;
  /** Memory that the process which runs the step may take; parts of the network are computed twice to stay within it. */
  readonly memoryBudgetBytes?: number | undefined;
}

export interface ClassChange {
  /** Label id. */
  readonly classId: number;
  readonly before: number | null;
  readonly after: number | null;
  /** Held-out pixels of the class, by a person's word. */
  readonly truthPixels: number;
}

export interface FineTuneResult {
  /** ONNX bytes of the new version; same inputs, outputs and card fields as the old one. */
  readonly model: Uint8Array;
  /** Mean Dice on the held-out blocks (see `Agreement.dice`). */
  readonly diceBefore: number;
  readonly diceAfter: number;
  readonly perClass: readonly ClassChange[];
  /** Steps that were run. */
  readonly steps: number;
  /** The step whose weights were kept. */
  readonly keptStep: number;
  readonly trainingBlocks: number;
  readonly heldOutBlocks: number;
  readonly warnings: readonly string[];
  /** Loss of every step. */
  readonly losses: readonly number[];
}

const OPTIMISER: Optimiser = { kind: 'adamw', weightDecay: 0.01 };
/** Averages stay as they are: a few corrected patches are too few to estimate them from. */
const RECIPE = {
  loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
  batchNorm: 'frozen',
  optimiser: OPTIMISER,
  clipNorm: 1,
} as const;
const DEFAULT_LEARNING_RATE = 3e-4;
/**
 * How far the new version goes from the old weights to the trained ones, in a straight line (Wortsman et al. 2022, «Robust
 * fine-tuning of zero-shot models», arXiv 2109.01903, eq. 1, α). All the way, four fields teach their own quirks too.
 */
const DEFAULT_NEW_SHARE = 0.5;
const DEFAULT_BATCH = 4;
const DEFAULT_PATCH_PX = 128;
/** From this many training blocks on, every fifth is set aside to choose among checkpoints by. */
const LEAST_TO_CHOOSE_FROM = 10;
const MOST_TO_CHOOSE_BY = 8;
const CHECKPOINTS = 4;
const FEW_HELD_OUT = 3;

/**
 * Fine-tunes a model on corrected blocks. The same options give the same bytes on the same runtime.
 * Errors: `nothing-to-learn` (no usable training or held-out block; says how many corrections are missing),
 * `training-diverged`, `model-unusable`, `cancelled` (between steps; nothing is kept).
 */
export async function fineTune(options: FineTuneOptions): Promise<FineTuneResult> {
  const train = usable(options, options.train);
  const heldOut = usable(options, options.heldOut);
  requireBlocks(train, heldOut);
  const before = await evaluate(options, options.model, heldOut);
  const trained = await trainOn(options, train);
  const after = await evaluate(options, trained.model, heldOut);
  return {
    ...trained,
    diceBefore: before.dice,
    diceAfter: after.dice,
    perClass: before.perClass.map((entry, c) => ({
      classId: entry.classId,
      before: entry.dice,
      after: after.perClass[c]!.dice,
      truthPixels: entry.truthPixels,
    })),
    trainingBlocks: train.length,
    heldOutBlocks: heldOut.length,
    warnings: [...warningsOf(options, heldOut.length), ...trained.warnings],
  };
}

/** The step graph of fine-tuning: what `fineTune` runs, what an examination tries to write, and what a measurement of speed runs. */
export function fineTuneProgram(model: OnnxModel, options: Shaping): TrainingProgram {
  const { card, lowering, memoryBudgetBytes } = options;
  const shape = { ...patchShape(options), output: card.output };
  return buildTrainingProgram(model, { ...RECIPE, ...shape, ...(lowering && { lowering }), memoryBudgetBytes });
}

type Shaping = Pick<FineTuneOptions, 'batch' | 'patchPx' | 'lowering' | 'memoryBudgetBytes'> & {
  readonly card: Pick<ModelCard, 'output' | 'fixedSizePx' | 'sizeMultiple'>;
};

interface Trained {
  readonly model: Uint8Array;
  readonly keptStep: number;
  readonly steps: number;
  readonly losses: readonly number[];
  readonly warnings: readonly string[];
}

async function trainOn(options: FineTuneOptions, blocks: readonly TrainingBlock[]): Promise<Trained> {
  const random = createRandom(options.seed);
  const { learnFrom, chooseBy } = splitOff(random.shuffle([...blocks]));
  const model = decodeModel(options.model);
  requireScores(model, options.card);
  const program = fineTuneProgram(model, options);
  const score = async (bytes: Uint8Array) => (await evaluate(options, bytes, chooseBy)).dice;
  const schedule = scheduleOf(options);
  const before = await recallTraining(options.keeper, program, () => factsOf(options, model, schedule));
  const choice = chooseCheckpoint(chooseBy.length > 0 ? score : null, before?.best);
  const checkpoints = chooseBy.length > 0 ? CHECKPOINTS : 1;
  if (chooseBy.length > 0 && !before) await choice.offer(0, options.model);
  const initial = before?.state ?? program.sessionOptions.initial ?? {};
  const session = await options.open(program.bytes, { ...program.sessionOptions, initial, purpose: 'training' });
  try {
    const onStep = async (step: number, total: number, loss: number) => {
      options.onStep?.(step, total, loss);
      if (!isCheckpoint(step, total, checkpoints)) return;
      const state = blend(program, await session.readState(), options.newShare ?? DEFAULT_NEW_SHARE);
      await choice.offer(step, encodeModel(writeParameters(model, program, state)));
    };
    const nextBatch = batchesOf(options, learnFrom, random);
    const run = { program, session, optimiser: OPTIMISER, schedule, nextBatch, onStep, signal: options.signal };
    const losses = await runKept(run, { random, choice, before, keeper: options.keeper });
    const best = choice.best() ?? { step: 0, model: options.model };
    const warnings = shortOfMemory(program);
    return { model: best.model, keptStep: best.step, steps: losses.length, losses, warnings };
  } finally {
    await session.close();
  }
}

/**
 * What a checkpoint's training must have in common with this one, besides its blocks. Not the form of the step: where a
 * graphics card died the processor goes on, then with another rounding.
 */
function factsOf(options: FineTuneOptions, model: OnnxModel, schedule: Schedule): TrainingFacts {
  const { card, seed, classIds, untouchedWeight, augmentation, newShare } = options;
  const { bytes } = fineTuneProgram(model, { ...options, lowering: undefined, memoryBudgetBytes: undefined });
  const settings = { schedule, OPTIMISER, seed, classIds, untouchedWeight, augmentation, newShare };
  return { program: bytes, settings: { ...settings, normalisation: card.normalisation } };
}

type State = Readonly<Record<string, Tensor>>;

/** The state with its weights moved back towards those that the program started from. */
function blend(program: TrainingProgram, state: State, newShare: number): State {
  const old = program.sessionOptions.initial?.theta?.data as Float32Array;
  const learned = state.theta!;
  const data = (learned.data as Float32Array).map((value, i) => old[i]! + newShare * (value - old[i]!));
  return { ...state, theta: { ...learned, data } };
}

/** Every fifth block to choose by, where there are enough; they are trained on by nobody. */
function splitOff(blocks: readonly TrainingBlock[]): { learnFrom: TrainingBlock[]; chooseBy: TrainingBlock[] } {
  const count = blocks.length < LEAST_TO_CHOOSE_FROM ? 0 : Math.min(MOST_TO_CHOOSE_BY, Math.floor(blocks.length / 5));
  return { learnFrom: blocks.slice(count), chooseBy: blocks.slice(0, count) };
}

function patchShape(options: Shaping): { batch: number; heightPx: number; widthPx: number } {
  const { fixedSizePx, sizeMultiple } = options.card;
  const wanted = options.patchPx ?? DEFAULT_PATCH_PX;
  const edge = fixedSizePx ?? Math.ceil(wanted / sizeMultiple) * sizeMultiple;
  return { batch: options.batch ?? DEFAULT_BATCH, heightPx: edge, widthPx: edge };
}

function batchesOf(options: FineTuneOptions, blocks: readonly TrainingBlock[], random: Random): BatchSource {
  const { batch, heightPx } = patchShape(options);
  return createBatches({
    blocks: learnableBlocks(blocks, options.classIds, options.untouchedWeight).blocks,
    patchPx: heightPx,
    batch,
    normalisation: options.card.normalisation,
    augmentation: options.augmentation ?? MODERATE,
    random,
  });
}

function scheduleOf({ steps, learningRate }: FineTuneOptions): Schedule {
  const warmUpSteps = Math.max(1, Math.min(10, Math.floor(steps / 10)));
  return { learningRate: learningRate ?? DEFAULT_LEARNING_RATE, steps, warmUpSteps, rest: 0.02 };
}

function evaluate(options: FineTuneOptions, model: Uint8Array, blocks: readonly TrainingBlock[]): Promise<Agreement> {
  const { card, classIds, open, signal } = options;
  return evaluateBlocks({ model, card, classIds, blocks, open, signal });
}

/** Blocks in which something was said that the model can learn. */
function usable(options: FineTuneOptions, blocks: readonly TrainingBlock[]): TrainingBlock[] {
  const keys = new Set(learnableBlocks(blocks, options.classIds).blocks.map((block) => block.key));
  return blocks.filter((block) => keys.has(block.key));
}

/** Probabilities are trained on by what they are made of; where that cannot be told, their slopes would be wrong. */
function requireScores({ graph }: OnnxModel, card: ModelCard): void {
  if (card.outputKind === 'logits' || endingOf(graph, card.output).activation !== 'unknown') return;
  const message = `model ${card.name} gives probabilities, but not by a softmax or sigmoid at its end: export it without its last step and import that`;
  throw new HistoloopError('model-unusable', message);
}

function requireBlocks(train: readonly unknown[], heldOut: readonly unknown[]): void {
  if (train.length > 0 && heldOut.length > 0) return;
  const missing = (train.length === 0 ? 1 : 0) + (heldOut.length === 0 ? 1 : 0);
  const what =
    train.length === 0 && heldOut.length === 0
      ? 'nothing has been corrected yet with a class that this model knows'
      : train.length === 0
        ? 'no correction may be trained on yet (all are held out for the comparison)'
        : 'no correction is held out yet, so that nothing could tell whether training helped';
  const where = `at least ${missing} more ${missing === 1 ? 'place' : 'places'} where nothing is corrected so far, each more than 256 mask pixels from the others`;
  throw new HistoloopError('nothing-to-learn', `${what}; correct ${where}`, { data: { missing } });
}

function shortOfMemory({ memory }: TrainingProgram): string[] {
  if (memory.segments === 1) return [];
  const [needed, taken] = [memory.plainBytes, memory.bytes].map((bytes) => (bytes / 1e9).toFixed(1));
  return [
    `memory was short (${needed} GB for the usual way): parts of the network were computed twice to need ${taken} GB, which takes longer`,
  ];
}

function warningsOf(options: FineTuneOptions, heldOutBlocks: number): string[] {
  const warnings: string[] = [];
  const { unknown } = learnableBlocks([...options.train, ...options.heldOut], options.classIds);
  for (const [label, pixels] of unknown) {
    warnings.push(`${pixels} pixels of class ${label} were left out: the model does not know this class`);
  }
  if (heldOutBlocks < FEW_HELD_OUT) {
    warnings.push(`only ${heldOutBlocks} held-out ${heldOutBlocks === 1 ? 'block' : 'blocks'}: the comparison is weak`);
  }
  return warnings;
}
