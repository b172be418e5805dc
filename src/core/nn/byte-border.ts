/**
 * Puts bytes at both ends of a segmentation network: pictures come in as they lie in memory, answers leave as one byte a
 * pixel and class, so that a process border is crossed by a fraction of the bytes and no number is touched outside the
 * graph. The network itself is not changed; every operator used means the same in opsets 7 to 22.
 */
import { HistoloopError } from '../errors.ts';
import type { Attributes, Dim, Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import { valuesUsed } from './rename.ts';
import type { Tensor } from './session.ts';
import { tensorOf } from './tensor.ts';

export interface ByteBorder {
  /** Names of the network's own input [N,3,H,W] and output [N,K,H,W], float32. */
  readonly input: string;
  readonly output: string;
  readonly classes: number;
  readonly outputKind: 'logits' | 'probabilities';
  /** Input value = (byte / 255 − mean) / deviation, per channel R, G, B. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Names at the border. */
export const PIXELS = 'histoloop/pixels';
export const SHARES = 'histoloop/shares';
export const SOUND = 'histoloop/sound';

/** Planes of `SHARES`: of two classes, what one has the other lacks. */
export function sharePlanes(classes: number): number {
  return classes === 2 ? 1 : classes;
}

/**
 * The network with input `PIXELS` uint8 [N,H,W,3] and outputs `SHARES` uint8 [N,P,H,W] and `SOUND` float32, which is 0
 * where every value was a number and NaN otherwise. A share is 255 × the probability, rounded; with two classes P is 1
 * and it is the second one's (for outputs p and q that do not sum to 1: (1 + q − p) / 2), else P is K.
 * Errors: `model-unusable` where the model has other inputs or no such output, or one of other channels.
 */
export function withByteBorder(model: OnnxModel, border: ByteBorder): OnnxModel {
  const { graph } = model;
  const image = graph.inputs.find((input) => input.name === border.input);
  const output = graph.outputs.find((value) => value.name === border.output);
  if (image?.type !== 'float32' || graph.inputs.length !== 1 || output?.type !== 'float32') {
    const message = `the model does not turn a float32 '${border.input}' alone into a float32 '${border.output}'`;
    throw new HistoloopError('model-unusable', message);
  }
  const channels = output.dims?.[1];
  if (typeof channels === 'number' && channels !== border.classes) {
    const message = `'${border.output}' has ${channels} channels for ${border.classes} classes`;
    throw new HistoloopError('model-unusable', message);
  }
  const draft: Draft = { nodes: [], constants: new Map() };
  prologue(draft, border);
  const before = draft.nodes.splice(0);
  const last = lastConvolution(graph, border);
  epilogue(draft, border, { last, graph, opset: model.opsets.get('') ?? 0 });
  const [n, , height, width]: readonly Dim[] = image.dims?.length === 4 ? image.dims : [null, null, null, null];
  const pixels: ValueInfo = { name: PIXELS, type: 'uint8', dims: [n!, height!, width!, 3] };
  const shares: ValueInfo = { name: SHARES, type: 'uint8', dims: [n!, sharePlanes(border.classes), null, null] };
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...before, ...graph.nodes.filter((node) => node !== last), ...draft.nodes],
      initialisers: new Map([...graph.initialisers, ...draft.constants]),
      inputs: [pixels],
      outputs: [shares, { name: SOUND, type: 'float32', dims: null }],
    },
  };
}

interface Draft {
  readonly nodes: Node[];
  readonly constants: Map<string, Tensor>;
}

const FLOAT32 = 1;
const UINT8 = 2;
const int = (value: number) => ({ kind: 'int', value }) as const;

function add(
  draft: Draft,
  op: string,
  inputs: readonly string[],
  more: { attributes?: Attributes; name?: string } = {},
) {
  const name = more.name ?? `histoloop/${draft.constants.size}.${draft.nodes.length}.${op}`;
  draft.nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes: more.attributes ?? {} });
  return name;
}

function constant(draft: Draft, dims: readonly number[], values: readonly number[]): string {
  const name = `histoloop/constant${draft.constants.size}`;
  draft.constants.set(name, tensorOf('float32', dims, values));
  return name;
}

/** Channels first while they are bytes: four times less to move. */
function prologue(draft: Draft, { input, mean, deviation }: ByteBorder): void {
  const scale = deviation.map((value) => 1 / (255 * value));
  const shift = mean.map((value, c) => value / deviation[c]);
  const planes = add(draft, 'Transpose', [PIXELS], { attributes: { perm: { kind: 'ints', value: [0, 3, 1, 2] } } });
  const floats = add(draft, 'Cast', [planes], { attributes: { to: int(FLOAT32) } });
  const scaled = add(draft, 'Mul', [floats, constant(draft, [3, 1, 1], scale)]);
  add(draft, 'Sub', [scaled, constant(draft, [3, 1, 1], shift)], { name: input });
}

/** What the end of the network is; `last` is taken over into the difference of its two classes. */
interface End {
  readonly graph: Graph;
  readonly last: Node | null;
  readonly opset: number;
}

function epilogue(draft: Draft, border: ByteBorder, end: End): void {
  const values = border.classes === 2 ? difference(draft, border.output, end) : border.output;
  const share =
    border.outputKind === 'logits' ? shareOfLogits(draft, values, border, end) : clamped(draft, values, border);
  const scaled = add(draft, 'Mul', [share, constant(draft, [], [255])]);
  const rounded = add(draft, 'Add', [scaled, constant(draft, [], [0.5])]);
  add(draft, 'Cast', [rounded], { name: SHARES, attributes: { to: int(UINT8) } });
  const nothing = add(draft, 'Mul', [values, constant(draft, [], [0])]);
  add(draft, 'ReduceMean', [nothing], { name: SOUND, attributes: { keepdims: int(0) } });
}

/** Softmax over the classes, spelled in quick operators (onnxruntime's own turns the picture around twice). */
function shareOfLogits(draft: Draft, values: string, { classes }: ByteBorder, { opset }: End): string {
  if (classes === 2) return add(draft, 'Sigmoid', [values]);
  const powers = add(draft, 'Exp', [add(draft, 'Sub', [values, greatestOfClasses(draft, values, opset)])]);
  const ones = constant(draft, [1, classes, 1, 1], new Array<number>(classes).fill(1));
  return add(draft, 'Div', [powers, add(draft, 'Conv', [powers, ones])]);
}

/** Probabilities, held between 0 and 1. */
function clamped(draft: Draft, values: string, { classes }: ByteBorder): string {
  const one = constant(draft, [], [1]);
  const share =
    classes === 2 ? add(draft, 'Mul', [add(draft, 'Add', [values, one]), constant(draft, [], [0.5])]) : values;
  const missing = add(draft, 'Sub', [one, add(draft, 'Relu', [share])]);
  return add(draft, 'Sub', [one, add(draft, 'Relu', [missing])]);
}

/** From opset 18 on, axes are an input. */
function greatestOfClasses(draft: Draft, values: string, opset: number): string {
  if (opset < 18) return add(draft, 'ReduceMax', [values], { attributes: { axes: { kind: 'ints', value: [1] } } });
  const axes = `histoloop/constant${draft.constants.size}`;
  draft.constants.set(axes, tensorOf('int64', [1], [1]));
  return add(draft, 'ReduceMax', [values, axes]);
}

/** A convolution that makes the two classes, and that nobody else looks at. */
function lastConvolution(graph: Graph, { output, classes }: ByteBorder): Node | null {
  const maker = graph.nodes.find((node) => node.outputs[0] === output);
  if (classes !== 2 || maker?.op !== 'Conv' || maker.domain !== '' || maker.attributes.group !== undefined) return null;
  const [weights, bias] = maker.inputs.slice(1).map((name) => graph.initialisers.get(name));
  const known = weights?.type === 'float32' && weights.dims[0] === 2 && (maker.inputs.length < 3 || bias !== undefined);
  return known && !graph.nodes.some((node) => valuesUsed(node).includes(output)) ? maker : null;
}

/** Second class − first: one plane instead of two, made by the last convolution itself where that is possible. */
function difference(draft: Draft, output: string, { last, graph }: End): string {
  if (last === null) return add(draft, 'Conv', [output, constant(draft, [1, 2, 1, 1], [-1, 1])]);
  const differences = last.inputs.slice(1).map((name) => {
    const { dims, data } = graph.initialisers.get(name)!;
    const half = data.length / 2;
    const values = Float32Array.from({ length: half }, (_, i) => Number(data[half + i]) - Number(data[i]));
    return constant(draft, [1, ...dims.slice(1)], Array.from(values));
  });
  return add(draft, 'Conv', [last.inputs[0], ...differences], { attributes: last.attributes });
}
