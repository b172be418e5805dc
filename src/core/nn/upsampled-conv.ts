/**
 * A 3×3 convolution of a picture that was just doubled by its nearest pixels looks at the small picture only: each of the
 * four output phases is a 2×2 convolution of it with sums of the nine weights. The same function with 4/9 of the products,
 * and the doubled picture is never made. The four phases are woven together with the channels last, which costs two copies.
 */
import { intOf, intsOf, stringOf } from './attributes.ts';
import type { Attributes, Node, OnnxModel } from './graph.ts';
import { valuesUsed } from './rename.ts';
import type { Tensor } from './session.ts';
import { numbersOf, tensorOf } from './tensor.ts';

interface Found {
  readonly resize: Node;
  readonly convolution: Node;
  /** The Relu that alone follows, or null. */
  readonly relu: Node | null;
}

/** Names of the four phases of a value that `splitUpsampledConvolutions` weaves; they have the value's range. */
export function phaseNames(value: string): string[] {
  return ['00', '01', '10', '11'].map((phase) => `${value}/phase${phase}`);
}

/** A model in which every such pair (and the Relu after it) is four convolutions; other nodes stay as they are. */
export function splitUpsampledConvolutions(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const initialisers = new Map(graph.initialisers);
  const replaced = new Map<Node, readonly Node[]>();
  for (const found of findPairs(model)) {
    const last = found.relu ?? found.convolution;
    for (const node of [found.resize, found.convolution]) replaced.set(node, []);
    replaced.set(last, phases(found, initialisers));
  }
  if (replaced.size === 0) return model;
  const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  return { ...model, graph: { ...graph, nodes, initialisers } };
}

function findPairs({ graph }: OnnxModel): Found[] {
  const users = new Map<string, Node[]>();
  for (const node of graph.nodes)
    for (const name of valuesUsed(node)) users.set(name, [...(users.get(name) ?? []), node]);
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const onlyUser = (name: string) => (outputs.has(name) || users.get(name)?.length !== 1 ? null : users.get(name)![0]);
  return graph.nodes.flatMap((resize) => {
    if (!doubles(resize, graph.initialisers)) return [];
    const convolution = onlyUser(resize.outputs[0]);
    if (convolution === null || !isPlain3x3(convolution, resize.outputs[0], graph.initialisers)) return [];
    const next = onlyUser(convolution.outputs[0]);
    return [{ resize, convolution, relu: next?.op === 'Relu' && next.domain === '' ? next : null }];
  });
}

/** Pixel conventions under which doubling repeats every pixel. */
const REPEATING: ReadonlySet<string> = new Set([
  'asymmetric floor',
  'half_pixel round_prefer_floor',
  'half_pixel round_prefer_ceil',
  'pytorch_half_pixel round_prefer_floor',
  'pytorch_half_pixel round_prefer_ceil',
]);

function doubles(node: Node, initialisers: ReadonlyMap<string, Tensor>): boolean {
  if (node.op !== 'Resize' || node.domain !== '' || node.inputs.length !== 3) return false;
  const { attributes } = node;
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = stringOf(attributes, 'nearest_mode', 'round_prefer_floor');
  const scales = initialisers.get(node.inputs[2]);
  return (
    stringOf(attributes, 'mode', 'nearest') === 'nearest' &&
    attributes.axes === undefined &&
    REPEATING.has(`${coordinates} ${rounding}`) &&
    scales !== undefined &&
    numbersOf(scales).join() === '1,1,2,2'
  );
}

function isPlain3x3(node: Node, data: string, initialisers: ReadonlyMap<string, Tensor>): boolean {
  if (node.op !== 'Conv' || node.domain !== '' || node.inputs[0] !== data) return false;
  const weights = initialisers.get(node.inputs[1]);
  const isAll = (name: string, value: number) => intsOf(node.attributes, name)?.every((one) => one === value) ?? false;
  const isOne = (name: string) => intsOf(node.attributes, name) === undefined || isAll(name, 1);
  return (
    weights?.type === 'float32' &&
    weights.dims.length === 4 &&
    weights.dims.slice(2).join() === '3,3' &&
    isAll('pads', 1) &&
    isOne('strides') &&
    isOne('dilations') &&
    intOf(node.attributes, 'group', 1) === 1
  );
}

/** Nodes that make what the pair's last node made. */
function phases({ resize, convolution, relu }: Found, initialisers: Map<string, Tensor>): Node[] {
  const [output] = (relu ?? convolution).outputs;
  const weights = initialisers.get(convolution.inputs[1])!;
  const nodes: Node[] = [];
  const add = (op: string, name: string, inputs: readonly string[], attributes: Attributes = {}) => {
    nodes.push({ name, op, domain: '', inputs, outputs: [name], attributes });
    return name;
  };
  const phase = (down: number, across: number): string => {
    const name = `${output}/phase${down}${across}`;
    initialisers.set(`${name}/weight`, phaseWeights(weights, down, across));
    const inputs = [resize.inputs[0], `${name}/weight`, ...convolution.inputs.slice(2)];
    const attributes = {
      kernel_shape: { kind: 'ints', value: [2, 2] },
      pads: { kind: 'ints', value: [1 - down, 1 - across, down, across] },
    } as const;
    const convolved = add('Conv', relu ? `${name}/conv` : name, inputs, attributes);
    return add('Transpose', `${name}/last`, [relu ? add('Relu', name, [convolved]) : convolved], CHANNELS_LAST);
  };
  initialisers.set(`${output}/row`, tensorOf('int64', [4], [0, 0, -1, weights.dims[0]]));
  initialisers.set(`${output}/double`, tensorOf('int64', [4], [1, 2, 1, 1]));
  const row = (down: number): string => {
    const pair = add('Concat', `${output}/pairs${down}`, [phase(down, 0), phase(down, 1)], AXIS_3);
    return add('Reshape', `${output}/row${down}`, [pair, `${output}/row`]);
  };
  const upper = row(0);
  const both = add('Concat', `${output}/rows`, [upper, row(1)], AXIS_2);
  const size = add('Mul', `${output}/size`, [add('Shape', `${output}/half`, [upper]), `${output}/double`]);
  add('Transpose', output, [add('Reshape', `${output}/woven`, [both, size])], CHANNELS_FIRST);
  return nodes;
}

const CHANNELS_LAST: Attributes = { perm: { kind: 'ints', value: [0, 2, 3, 1] } };
const CHANNELS_FIRST: Attributes = { perm: { kind: 'ints', value: [0, 3, 1, 2] } };
const AXIS_2: Attributes = { axis: { kind: 'int', value: 2 } };
const AXIS_3: Attributes = { axis: { kind: 'int', value: 3 } };

/** Of three weights in a row, those that meet in each of the two pixels that a phase looks at. */
const MEETING = [
  [[0], [1, 2]],
  [[0, 1], [2]],
] as const;

function phaseWeights({ dims, data }: Tensor, down: number, across: number): Tensor {
  const planes = dims[0] * dims[1];
  const sums = new Float32Array(planes * 4);
  for (let plane = 0; plane < planes; plane++) {
    for (let at = 0; at < 4; at++) {
      let sum = 0;
      for (const y of MEETING[down][at >> 1]) {
        for (const x of MEETING[across][at & 1]) sum += Number(data[plane * 9 + y * 3 + x]);
      }
      sums[plane * 4 + at] = sum;
    }
  }
  return { type: 'float32', dims: [dims[0], dims[1], 2, 2], data: sums };
}
