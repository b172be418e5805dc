/**
 * Where a network's answer is still plain scores: the value before the softmax, sigmoid or argmax that an exporter left at
 * the end. It looks at operators only, never at numbers, and changes nothing.
 */
import { HistoloopError } from '../errors.ts';
import { intOf, intsOf } from './attributes.ts';
import type { Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import { isFloat } from './tensor.ts';

/** What turned scores into the answer. `unknown`: nothing recognised, so the answer itself is taken for scores. */
export type Activation = 'softmax' | 'sigmoid' | 'argmax' | 'unknown';

export interface Ending {
  /** The value before the activation. */
  readonly logits: string;
  readonly activation: Activation;
}

/** The pre-activation value of a named output. Error: `model-unusable` where the model has no such output. */
export function logitsOf(model: OnnxModel, outputName: string): string {
  return endingOf(model.graph, outputName).logits;
}

/** The same, with what kind of activation it was. */
export function endingOf(graph: Graph, outputName: string): Ending {
  if (!graph.outputs.some((output) => output.name === outputName)) {
    const names = graph.outputs.map((output) => `'${output.name}'`).join(', ') || 'none';
    throw new HistoloopError('model-unusable', `the network has no output '${outputName}'; its outputs are ${names}`);
  }
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let ending: Ending = { logits: outputName, activation: 'unknown' };
  // A circle of Identity nodes must not hang us; no honest ending is this long.
  for (let steps = 0; steps < LONGEST_ENDING; steps++) {
    const before = stepBack(ending, makers);
    if (before === null) return ending;
    ending = before;
  }
  return ending;
}

const LONGEST_ENDING = 64;

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  ArgMax: 'argmax',
  LogSoftmax: 'softmax',
  Sigmoid: 'sigmoid',
  Softmax: 'softmax',
};
/** Nodes that only change how an answer is written down. */
const PASSING: ReadonlySet<string> = new Set(['Cast', 'Identity']);

function stepBack({ logits, activation }: Ending, makers: ReadonlyMap<string, Node>): Ending | null {
  const node = makers.get(logits);
  if (node === undefined || node.domain !== '') return null;
  const before = node.inputs[0] ?? '';
  if (PASSING.has(node.op)) return { logits: before, activation };
  if (Object.hasOwn(ACTIVATIONS, node.op)) {
    const found = ACTIVATIONS[node.op];
    // Behind an argmax may lie a softmax, which says more.
    return { logits: before, activation: activation === 'unknown' || activation === 'argmax' ? found : activation };
  }
  if (activation === 'argmax' || activation === 'unknown') {
    const scores = behindSmallMoves(node, makers);
    if (scores !== null) return { logits: scores, activation };
  }
  const inside = insideTransposes(node, makers);
  return inside === null ? null : { logits: inside, activation: 'softmax' };
}

/** Answers are often squeezed or given an axis after the activation, or made class numbers by a threshold. */
function behindSmallMoves(last: Node, makers: ReadonlyMap<string, Node>): string | null {
  if (last.op !== 'Squeeze' && last.op !== 'Unsqueeze' && last.op !== 'Greater' && last.op !== 'Round') return null;
  const value = last.inputs[0] ?? '';
  const maker = makers.get(value);
  if (maker === undefined || maker.domain !== '') return null;
  if (maker.op === 'Cast') return behindSmallMoves({ ...last, inputs: maker.inputs }, makers);
  return maker.op === 'ArgMax' || maker.op === 'Sigmoid' ? value : null;
}

/** Some exporters turn the channels to the end, take the softmax there and turn them back. */
function insideTransposes(last: Node, makers: ReadonlyMap<string, Node>): string | null {
  if (last.op !== 'Transpose') return null;
  const softmax = makers.get(last.inputs[0]);
  const first = softmax && Object.hasOwn(ACTIVATIONS, softmax.op) ? makers.get(softmax.inputs[0]) : undefined;
  if (softmax === undefined || first?.op !== 'Transpose') return null;
  const [there, back] = [intsOf(first.attributes, 'perm'), intsOf(last.attributes, 'perm')];
  if (there === undefined || back === undefined || back.some((axis, i) => there[axis] !== i)) return null;
  const axis = intOf(softmax.attributes, 'axis', -1);
  return there[axis < 0 ? axis + there.length : axis] === 1 ? first.inputs[0] : null;
}

/** Names that makers give to outputs which help training or post-processing, and to the one that is the mask. */
const SIDE = /(^|[^a-z])(aux|ds|side|deep|np|nuclei|boundary|border|edge|contour)/i;
const NO_MASK = /(^|[^a-z])(hv|hover|dist|flow|emb|feat)/i;
const MAIN = /(^|[^a-z])(tp|type|class|cls|seg|sem|semantic|mask|logits?|out|output|main|final|pred)/i;

/**
 * The outputs, the likeliest class map first: four axes before others, float before class numbers, large before small
 * (deep supervision answers at fractions of the picture), then what the names say (HoVer-Net: `tp` before `np` and `hv`).
 */
export function rankOutputs(graph: Graph): ValueInfo[] {
  const scored = graph.outputs.map((output, at) => ({ output, at, score: scoreOf(output) }));
  return scored.sort((a, b) => compare(b.score, a.score) || a.at - b.at).map(({ output }) => output);
}

function scoreOf({ name, type, dims }: ValueInfo): readonly number[] {
  const [height, width] = dims?.length === 4 ? dims.slice(2) : [];
  const pixels = typeof height === 'number' && typeof width === 'number' ? height * width : 0;
  const said = (NO_MASK.test(name) ? -2 : 0) + (SIDE.test(name) ? -1 : 0) + (MAIN.test(name) ? 1 : 0);
  return [dims?.length === 4 ? 1 : 0, isFloat(type) ? 1 : 0, pixels, said];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}
