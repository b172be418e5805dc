/**
 * Makes a written step fit the memory there is: as it is where it fits, else with parts of the forward pass computed twice,
 * else not at all, and says what to do. It knows no machine; the caller says how much may be used.
 */
import { HistoloopError } from '../errors.ts';
import type { GraphPass, WrittenGraph } from './graph-pass.ts';
import { peakMemory } from './memory.ts';
import { recompute } from './recompute.ts';

export interface MemoryNeeds {
  /** What the engine's process is expected to take at its worst, in bytes. */
  readonly bytes: number;
  /** The same with nothing computed twice. */
  readonly plainBytes: number;
  /** Pieces that the forward pass is cut into; 1: nothing is computed twice. */
  readonly segments: number;
}

export interface FittingRequest {
  /** Run on the graph after recomputation has been written in. */
  readonly passes: readonly GraphPass[];
  /** Bytes that the engine's process may take; undefined: no limit. */
  readonly budgetBytes: number | undefined;
  /** What is trained on, for the refusal, such as "4 tiles of 512×512 pixels". */
  readonly subject: string;
}

/** The process without any graph. */
const IDLE_BYTES = 160e6;
/**
 * Process memory over the sum of living tensors: 1.19 to 1.30 on U-Nets of 16 to 512 channels, batches of 4 to 8 and both
 * kinds of batch normalisation (onnxruntime 1.30, CPU; docs/decisions/0006).
 */
const OVERHEAD = 1.3;
/** Of what recomputation should save, so much is counted on; 0.5 to 0.85 was seen. */
const SAVING_SHARE = 0.5;
const SEGMENTS = [2, 3, 4, 6, 8, 12, 16];

/** Error: `bad-input` where no way of computing fits into the budget. */
export function fitMemory(
  graph: WrittenGraph,
  { passes, budgetBytes = Number.POSITIVE_INFINITY, subject }: FittingRequest,
): { graph: WrittenGraph; memory: MemoryNeeds } {
  const finish = (start: WrittenGraph) => passes.reduce((written, pass) => pass(written), start);
  const plain = finish(graph);
  const plainPeak = peakMemory(plain);
  const plainBytes = processBytes(plainPeak);
  if (plainBytes <= budgetBytes) return { graph: plain, memory: { bytes: plainBytes, plainBytes, segments: 1 } };
  let least = plainBytes;
  for (const segments of SEGMENTS) {
    const twice = finish(recompute(graph, segments));
    const peak = peakMemory(twice);
    const bytes = processBytes(plainPeak - Math.max(0, plainPeak - peak) * SAVING_SHARE);
    least = Math.min(least, bytes);
    if (bytes <= budgetBytes) return { graph: withoutSizes(twice), memory: { bytes, plainBytes, segments } };
  }
  throw tooLarge(subject, { budgetBytes, plainBytes, least });
}

function processBytes(tensorBytes: number): number {
  return IDLE_BYTES + tensorBytes * OVERHEAD;
}

/**
 * Where onnxruntime knows sizes beforehand it keeps a buffer for the next value of the same size, however much later that
 * comes, which would undo the saving. So the file does not tell it the pictures' sizes.
 */
function withoutSizes(graph: WrittenGraph): WrittenGraph {
  const inputs = graph.inputs.map((input) =>
    input.dims?.length === 4 ? { ...input, dims: input.dims.map(() => null) } : input,
  );
  return { ...graph, inputs };
}

interface Shortage {
  readonly budgetBytes: number;
  readonly plainBytes: number;
  readonly least: number;
}

function tooLarge(subject: string, { budgetBytes, plainBytes, least }: Shortage): HistoloopError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  return new HistoloopError(
    'bad-input',
    `learning from ${subject} at a time takes about ${gigabytes(plainBytes)} of memory, at least ${gigabytes(least)} with parts of it computed twice, and ${gigabytes(budgetBytes)} may be used; use smaller tiles or fewer at a time, or close other programs`,
    { data: { budgetBytes, plainBytes, leastBytes: least } },
  );
}
