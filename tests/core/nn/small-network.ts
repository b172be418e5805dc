/** Networks of a few nodes for tests, written in a few words. */
import type { Node, OnnxModel } from '../../../src/core/nn/graph.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';

export interface Part {
  readonly nodes: readonly (readonly [
    op: string,
    inputs: readonly string[],
    output: string,
    attributes?: Node['attributes'],
  ])[];
  readonly weights: Readonly<Record<string, Tensor>>;
  readonly image?: readonly (number | string)[] | undefined;
  readonly output?: readonly (number | string)[];
  readonly opset?: number;
}

/** A network in a few words: its last node makes the output. */
export function network({
  nodes,
  weights,
  image = ['N', 3, 8, 8],
  output = ['N', 2, 8, 8],
  opset = 18,
}: Part): OnnxModel {
  return {
    irVersion: 8,
    opsets: new Map([['', opset]]),
    producer: '',
    metadata: new Map(),
    graph: {
      name: 'small',
      nodes: nodes.map(([op, inputs, made, attributes = {}]) => ({
        name: '',
        op,
        domain: '',
        inputs,
        outputs: [made],
        attributes,
      })),
      initialisers: new Map(Object.entries(weights)),
      inputs: [{ name: 'x', type: 'float32', dims: image }],
      outputs: [{ name: nodes.at(-1)![2], type: 'float32', dims: output }],
    },
  };
}

/** Weights that are all different. */
export const ramp = (...dims: number[]) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return tensorOf(
    'float32',
    dims,
    Float32Array.from({ length: size }, (_, i) => Math.sin(1 + i) / 2),
  );
};

/** One 1×1 convolution from `x` to `y`. */
export const CONV: Part = { nodes: [['Conv', ['x', 'w', 'b'], 'y']], weights: { w: ramp(2, 3, 1, 1), b: ramp(2) } };

/** One shared layer and three answers, as HoVer-Net has them: nuclear pixels, distances, types. */
export function threeHeads(edgePx: number): OnnxModel {
  const model = network({
    nodes: [
      ['Conv', ['x', 'shared'], 'features', { pads: { kind: 'ints', value: [1, 1, 1, 1] } }],
      ['Relu', ['features'], 'active'],
      ['Conv', ['active', 'w_np', 'b_np'], 'np_logits'],
      ['Softmax', ['np_logits'], 'np', { axis: { kind: 'int', value: 1 } }],
      ['Conv', ['active', 'w_hv'], 'hv_flat'],
      ['Tanh', ['hv_flat'], 'hv'],
      ['Conv', ['active', 'w_tp'], 'tp'],
    ],
    weights: {
      shared: ramp(4, 3, 3, 3),
      w_np: ramp(2, 4, 1, 1),
      b_np: ramp(2),
      w_hv: ramp(2, 4, 1, 1),
      w_tp: ramp(5, 4, 1, 1),
    },
    image: ['N', 3, edgePx, edgePx],
  });
  const outputs = (['np', 'hv', 'tp'] as const).map((name) => ({
    name,
    type: 'float32' as const,
    dims: ['N', name === 'tp' ? 5 : 2, edgePx, edgePx],
  }));
  return { ...model, graph: { ...model.graph, outputs } };
}
