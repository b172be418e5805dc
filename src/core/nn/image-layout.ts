/** The one picture that somebody else's network takes: its axes, channels and sizes, as the file declares them. */
import { HistoloopError } from '../errors.ts';
import { intsOf } from './attributes.ts';
import type { Dim, Graph, Node, OnnxModel, ValueInfo } from './graph.ts';
import { valuesUsed } from './rename.ts';

export interface ImageLayout {
  readonly inputName: string;
  readonly type: 'float32' | 'uint8';
  /** [N,H,W,C], as TensorFlow keeps pictures, instead of [N,C,H,W]. */
  readonly channelsLast: boolean;
  /** 3: colour; 1: grey. */
  readonly channels: 1 | 3;
  /** The only batch, height and width it takes; null where any will do. */
  readonly batch: number | null;
  readonly heightPx: number | null;
  readonly widthPx: number | null;
}

/** Errors: `model-unusable`, one sentence for each way of not being a picture. */
export function imageLayout(model: OnnxModel): ImageLayout {
  const { inputs } = model.graph;
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    const found = inputs.map(saidOf).join(', ') || 'nothing';
    throw refuse(
      `the network should take one picture, but takes ${found}; export it with the picture as its only input and everything else (prompts, sizes, states) fixed inside`,
    );
  }
  if (input.type !== 'float32' && input.type !== 'uint8') {
    throw refuse(`the network's input is ${saidOf(input)}; pictures come as float32, so export it with that`);
  }
  const dims = input.dims ?? [null, null, null, null];
  if (dims.length !== 4) {
    throw refuse(`the network's input is ${saidOf(input)}; a picture has 4 axes: batch, channels, height, width`);
  }
  const channelsLast = isChannelsLast(model, input.name, dims);
  const [batch, channels, height, width] = (channelsLast ? [0, 3, 1, 2] : [0, 1, 2, 3]).map((axis) =>
    fixed(dims[axis]),
  );
  if ((height === null) !== (width === null)) {
    throw refuse(`the network's input is ${saidOf(input)}; export it with height and width both fixed or both free`);
  }
  const count = channels ?? firstChannels(model.graph.nodes, model.graph) ?? 3;
  if (count !== 1 && count !== 3) {
    throw refuse(
      `the network's input is ${saidOf(input)}, ${count} channels; slides give 3 (red, green, blue) or 1 (grey), use a network for those`,
    );
  }
  const { name: inputName, type } = input;
  return { inputName, type, channelsLast, channels: count, batch, heightPx: height, widthPx: width };
}

function saidOf({ name, type, dims }: ValueInfo): string {
  return `'${name}' ${type} [${dims?.map((dim) => dim ?? '?').join(', ') ?? '…'}]`;
}

function fixed(dim: Dim): number | null {
  return typeof dim === 'number' ? dim : null;
}

const CHANNELS: ReadonlySet<Dim> = new Set([1, 3, 4]);

/** Where the sizes leave it open, what the network does first tells: TensorFlow's exporter turns the channels to the front. */
function isChannelsLast(model: OnnxModel, name: string, dims: readonly Dim[]): boolean {
  if (CHANNELS.has(dims[1])) return false;
  if (CHANNELS.has(dims[3])) return true;
  if (typeof dims[1] === 'number') return false;
  return turnsChannelsFirst(model.graph.nodes, name);
}

const ON_THE_WAY: ReadonlySet<string> = new Set(['Add', 'Cast', 'Div', 'Identity', 'Mul', 'Sub']);

function turnsChannelsFirst(nodes: readonly Node[], name: string): boolean {
  let value = name;
  for (let steps = 0; steps < 16; steps++) {
    const user = nodes.find((node) => valuesUsed(node).includes(value));
    if (user?.op === 'Transpose') return intsOf(user.attributes, 'perm')?.join() === '0,3,1,2';
    if (user === undefined || !ON_THE_WAY.has(user.op)) return false;
    value = user.outputs[0];
  }
  return false;
}

/** Channels where the input does not say: what the first convolution's weights take. */
export function firstChannels(nodes: readonly Node[], graph: Graph): number | undefined {
  const convolution = nodes.find((node) => node.op === 'Conv');
  return graph.initialisers.get(convolution?.inputs[1] ?? '')?.dims[1];
}

function refuse(sentence: string): HistoloopError {
  return new HistoloopError('model-unusable', sentence);
}
