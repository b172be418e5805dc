/**
 * From corrected blocks to what a network learns from: a class index and a weight for every pixel.
 * A person's and accepted pixels count fully. Pixels of the block nobody touched keep the old model's answer at a small
 * weight: without it, painting only the missed nuclei would teach «everything is a nucleus» (see `UNTOUCHED_WEIGHT`).
 */
import { classOf, NOTHING } from '../label.ts';
import type { RgbImage } from '../slide.ts';

/** A corrected block at the model's resolution. */
export interface TrainingBlock {
  /** Tells blocks apart in messages and logs. */
  readonly key: string;
  readonly image: RgbImage;
  /** core/label bytes of the human layer, one per pixel of `image`; 0 where nobody has spoken. */
  readonly human: Uint8Array;
  /** What the model had predicted (label ids), or null where nothing is known. */
  readonly predicted: Uint8Array | null;
}

/** A block as the training step wants it. */
export interface LearnableBlock {
  readonly key: string;
  readonly image: RgbImage;
  /** Class index by output channel; −1 where there is none. */
  readonly target: Int8Array;
  /** How much each pixel counts, 0..1. */
  readonly weight: Float32Array;
  /** Indices of pixels a person has spoken about, thinned to at most a few thousand; patches are centred on them. */
  readonly spoken: Int32Array;
}

export interface LearnableBlocks {
  readonly blocks: readonly LearnableBlock[];
  /** Labels a person drew that the model has no class for, with their pixel counts. */
  readonly unknown: ReadonlyMap<number, number>;
}

/**
 * Weight of an untouched pixel's old prediction, chosen by experiment (docs/decisions/0005): at 0, painting
 * only missed nuclei took Dice from 0.79 to 0.44.
 */
export const UNTOUCHED_WEIGHT = 0.2;

const SPOKEN_KEPT = 4096;

/**
 * `classIds[channel]` is the label of each model class. Blocks in which nothing known was said are left out. Targets are made when a
 * block is first looked at: hundreds of blocks at once would hold up whoever shares the thread.
 */
export function learnableBlocks(
  blocks: readonly TrainingBlock[],
  classIds: readonly number[],
  untouchedWeight = UNTOUCHED_WEIGHT,
): LearnableBlocks {
  const channelOf = channelTable(classIds);
  const unknown = new Map<number, number>();
  const learnable: LearnableBlock[] = [];
  for (const block of blocks) {
    let known = 0;
    for (const [label, pixels] of labelsSaid(block.human)) {
      if (channelOf[label]! >= 0) known += pixels;
      else unknown.set(label, (unknown.get(label) ?? 0) + pixels);
    }
    if (known > 0) learnable.push(onDemand(block, channelOf, untouchedWeight));
  }
  return { blocks: learnable, unknown };
}

/** How many pixels a person said to be of each class. */
function labelsSaid(human: Uint8Array): Map<number, number> {
  const counts = new Uint32Array(256);
  for (let i = 0; i < human.length; i++) counts[human[i]!]! += 1;
  const labels = new Map<number, number>();
  for (let value = 1; value < 256; value++) {
    const label = classOf(value);
    if (counts[value]! > 0) labels.set(label, (labels.get(label) ?? 0) + counts[value]!);
  }
  return labels;
}

function onDemand(block: TrainingBlock, channelOf: Int8Array, untouchedWeight: number): LearnableBlock {
  let made: ReturnType<typeof targetsOf> | undefined;
  const make = () => {
    made ??= targetsOf(block, channelOf, untouchedWeight);
    return made;
  };
  return {
    key: block.key,
    image: block.image,
    get target() {
      return make().target;
    },
    get weight() {
      return make().weight;
    },
    get spoken() {
      return make().spoken;
    },
  };
}

/** Output channel of every label id; −1 where the model has no such class. */
export function channelTable(classIds: readonly number[]): Int8Array {
  const table = new Int8Array(128).fill(-1);
  classIds.forEach((id, channel) => {
    table[id] = channel;
  });
  return table;
}

function targetsOf(
  block: TrainingBlock,
  channelOf: Int8Array,
  untouchedWeight: number,
): { target: Int8Array; weight: Float32Array; spoken: Int32Array } {
  const target = new Int8Array(block.human.length).fill(-1);
  const weight = new Float32Array(block.human.length);
  const spoken: number[] = [];
  for (let i = 0; i < block.human.length; i++) {
    const human = block.human[i]!;
    const label = human === NOTHING ? (block.predicted?.[i] ?? NOTHING) : classOf(human);
    const channel = channelOf[label]!;
    if (channel < 0) continue;
    target[i] = channel;
    weight[i] = human === NOTHING ? untouchedWeight : 1;
    if (human !== NOTHING) spoken.push(i);
  }
  return { target, weight, spoken: thin(spoken) };
}

/** At most SPOKEN_KEPT of the indices, evenly spread. */
function thin(indices: readonly number[]): Int32Array {
  const count = Math.min(indices.length, SPOKEN_KEPT);
  return Int32Array.from({ length: count }, (_, n) => indices[Math.floor((n * indices.length) / count)]!);
}
