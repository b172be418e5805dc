/** Little segmenters for tests of the training step's forms: a row of 3×3 convolutions with whatever the test asks for. */
import type { Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf, tensorOf } from '../../../src/core/nn/tensor.ts';
import { createRandom } from '../../../src/core/random.ts';

export interface Layer {
  /** Output channels. */
  readonly to: number;
  readonly kernel?: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly group?: number;
  /** Doubles the picture first. */
  readonly double?: boolean;
  /** Joins the result with what went in, or adds it. */
  readonly join?: boolean;
  readonly add?: boolean;
  /** Without ReLU. */
  readonly bare?: boolean;
}

export function smallSegmenter(layers: readonly Layer[]): OnnxModel {
  const random = createRandom(5);
  const nodes: Node[] = [];
  const initialisers = new Map<string, Tensor>([['twice', tensorOf('float32', [4], [1, 1, 2, 2])]]);
  const add = (op: string, inputs: string[], attributes: Node['attributes'] = {}) => {
    const name = `${op}${nodes.length}`;
    nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes });
    return name;
  };
  const weight = (dims: number[]) => {
    const name = `weight${initialisers.size}`;
    const deviation = 1 / Math.sqrt(sizeOf(dims.slice(1)) || 1);
    const data = Array.from({ length: sizeOf(dims) }, () => random.normal() * deviation);
    initialisers.set(name, tensorOf('float32', dims, data));
    return name;
  };
  const ints = (value: number[]) => ({ kind: 'ints', value }) as const;
  const convolution = (from: number, value: string, { to, kernel = 3, stride = 1, dilation = 1, group = 1 }: Layer) => {
    const pad = (dilation * (kernel - 1)) / 2;
    return add('Conv', [value, weight([to, from / group, kernel, kernel]), weight([to])], {
      pads: ints([pad, pad, pad, pad]),
      strides: ints([stride, stride]),
      dilations: ints([dilation, dilation]),
      group: { kind: 'int', value: group },
    });
  };
  let [value, width] = ['image', 3];
  for (const layer of layers) {
    const before = layer.double ? add('Resize', [value, '', 'twice'], DOUBLING) : value;
    const convolved = convolution(width, before, layer);
    const active = layer.bare ? convolved : add('Relu', [convolved]);
    value = layer.join ? add('Concat', [active, before], { axis: { kind: 'int', value: 1 } }) : active;
    if (layer.add) value = add('Add', [active, before]);
    width = layer.join ? width + layer.to : layer.to;
  }
  const logits = convolution(width, value, { to: 3, kernel: 1 });
  const size = (channels: number) => ['N', channels, 'H', 'W'];
  return {
    irVersion: 8,
    opsets: new Map([['', 18]]),
    producer: '',
    metadata: new Map(),
    graph: {
      name: 'small',
      nodes,
      initialisers,
      inputs: [{ name: 'image', type: 'float32', dims: size(3) }],
      outputs: [{ name: logits, type: 'float32', dims: size(3) }],
    },
  };
}

const DOUBLING = {
  mode: { kind: 'string', value: 'nearest' },
  coordinate_transformation_mode: { kind: 'string', value: 'asymmetric' },
  nearest_mode: { kind: 'string', value: 'floor' },
} as const;
