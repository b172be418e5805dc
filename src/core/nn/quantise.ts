/**
 * Writes a network in 8 bits the way stock onnxruntime wants to read it: QuantizeLinear and DequantizeLinear around
 * convolutions (QDQ), and what only moves values between them (pooling, nearest resizing, joining) on the bytes themselves.
 * It chooses no ranges (`core/learn/calibrate`) and judges no loss; the result can be encoded and run, not trained.
 */
import { assert, HistoloopError } from '../errors.ts';
import { stringOf } from './attributes.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import type { Node, OnnxModel } from './graph.ts';
import { usedInitialisers } from './prune.ts';
import {
  type ByteScale,
  byteScale,
  byteWeights,
  int8Constant,
  type Range,
  scaleTensors,
  wholeBias,
} from './quantise-scale.ts';
import type { Tensor } from './session.ts';
import { phaseNames, splitUpsampledConvolutions } from './upsampled-conv.ts';
import { topologicalOrder } from './verify.ts';

export type { Range } from './quantise-scale.ts';

/** DequantizeLinear with a scale per channel came with opset 13. */
const OLDEST_OPSET = 13;

/**
 * The values whose range must be measured before `quantiseModel`: the results of convolutions, after the Relu that may
 * follow. They are values of `foldBatchNorm(model)`. The picture itself is not among them: its first convolution stays
 * float32, which is closer to the full network and no slower.
 * Errors: `model-unusable` where the network has no convolution that could run on bytes, or too old an opset.
 */
export function valuesToMeasure(model: OnnxModel): string[] {
  const folded = foldBatchNorm(model);
  const { inBytes, values } = planOf(folded, () => true);
  const moved = new Set([...inBytes].filter((node) => node.op !== 'Conv').flatMap((node) => node.outputs));
  const given = new Set(folded.graph.inputs.map((input) => input.name));
  const found = [...values].filter((name) => !moved.has(name) && !given.has(name));
  if (found.length === 0) throw nothingInBytes();
  return found;
}

/**
 * The network with weights as int8 (symmetric, a scale per output channel) and activations as uint8. Inputs, outputs,
 * everything that cannot run on bytes, and values without a range (those of `valuesToMeasure`) stay float32.
 * Errors: `model-unusable` as above.
 */
export function quantiseModel(model: OnnxModel, ranges: ReadonlyMap<string, Range>): OnnxModel {
  const split = splitUpsampledConvolutions(foldBatchNorm(model));
  const known = new Map(ranges);
  for (const [name, range] of ranges) for (const phase of phaseNames(name)) known.set(phase, range);
  const plan = planOf(split, (name) => known.has(name));
  const { nodes, initialisers } = rewrite(split, plan, scalesOf(plan, known));
  return { ...split, graph: { ...split.graph, nodes, initialisers } };
}

interface Plan {
  /** All nodes, each after what it needs. */
  readonly nodes: readonly Node[];
  /** Nodes that run on bytes: convolutions with weights of their own, and what only moves or picks values between them. */
  readonly inBytes: ReadonlySet<Node>;
  /** Values that exist as bytes. */
  readonly values: ReadonlySet<string>;
}

function planOf(model: OnnxModel, measured: (value: string) => boolean): Plan {
  const opset = model.opsets.get('') ?? 0;
  if (opset < OLDEST_OPSET) {
    throw new HistoloopError(
      'model-unusable',
      `the model is written in opset ${opset}, which knows no 8-bit channels; export it with opset ${OLDEST_OPSET} or newer`,
    );
  }
  const nodes = topologicalOrder(model.graph);
  const outputs = new Set(model.graph.outputs.map((output) => output.name));
  const inBytes = new Set<Node>();
  const values = new Set<string>();
  for (const node of nodes) {
    const data = dataInputs(node);
    const isConv = isByteConv(node, model.graph.initialisers);
    if (!isConv && !isMove(node)) continue;
    if (!data.every((name) => values.has(name) || (isConv && measured(name)))) continue;
    for (const name of data) values.add(name);
    inBytes.add(node);
    const value = byteOutput(node, nodes);
    if (!outputs.has(value) && (!isConv || measured(value))) values.add(value);
  }
  if (inBytes.size === 0) throw nothingInBytes();
  return { nodes, inBytes, values };
}

function nothingInBytes(): HistoloopError {
  return new HistoloopError('model-unusable', 'the model has no convolution that could run in 8 bits');
}

function isByteConv(node: Node, initialisers: ReadonlyMap<string, Tensor>): boolean {
  if (node.op !== 'Conv' || node.domain !== '') return false;
  const weights = initialisers.get(node.inputs[1]);
  const bias = node.inputs[2] ? initialisers.get(node.inputs[2]) : null;
  return weights?.type === 'float32' && weights.dims.length === 4 && bias !== undefined;
}

const MOVES: ReadonlySet<string> = new Set(['Concat', 'MaxPool', 'Reshape', 'Transpose']);

function isMove(node: Node): boolean {
  if (node.domain !== '' || node.outputs.length !== 1) return false;
  return MOVES.has(node.op) || (node.op === 'Resize' && stringOf(node.attributes, 'mode', 'nearest') === 'nearest');
}

function dataInputs(node: Node): readonly string[] {
  return node.op === 'Concat' ? node.inputs : node.inputs.slice(0, 1);
}

/** A convolution's own result is never bytes where a Relu alone follows: the bytes begin after it. */
function byteOutput(node: Node, nodes: readonly Node[]): string {
  if (node.op !== 'Conv') return node.outputs[0];
  const users = nodes.filter((other) => other.inputs.includes(node.outputs[0]));
  return users.length === 1 && users[0].op === 'Relu' ? users[0].outputs[0] : node.outputs[0];
}

/** Values that pooling, resizing and joining pass on share one scale: then bytes are moved, not computed with. */
function scalesOf({ inBytes, values }: Plan, ranges: ReadonlyMap<string, Range>): Map<string, ByteScale> {
  const parents = new Map<string, string>();
  const rootOf = (name: string): string => {
    const parent = parents.get(name);
    return parent === undefined ? name : rootOf(parent);
  };
  for (const node of inBytes) {
    if (node.op === 'Conv') continue;
    for (const name of dataInputs(node)) {
      const [from, to] = [rootOf(name), rootOf(node.outputs[0])];
      if (from !== to) parents.set(from, to);
    }
  }
  const merged = new Map<string, Range>();
  for (const name of values) {
    const range = ranges.get(name);
    if (range === undefined) continue;
    const known = merged.get(rootOf(name)) ?? range;
    merged.set(rootOf(name), { min: Math.min(known.min, range.min), max: Math.max(known.max, range.max) });
  }
  const scaleOf = (name: string): ByteScale => {
    const range = merged.get(rootOf(name));
    assert(range !== undefined, `nothing that makes '${name}' has a range`);
    return byteScale(range);
  };
  return new Map([...values].map((name) => [name, scaleOf(name)]));
}

function rewrite(model: OnnxModel, { nodes, inBytes }: Plan, scaleOf: ReadonlyMap<string, ByteScale>) {
  const written: Node[] = [];
  const kept = new Map(model.graph.initialisers);
  for (const [name, scale] of scaleOf) for (const [part, tensor] of scaleTensors(name, scale)) kept.set(part, tensor);
  const made = new Set<string>();
  const bytesOf = (name: string): string => {
    if (!made.has(name)) written.push(linear('QuantizeLinear', name, `${name}/bytes`, name));
    made.add(name);
    return `${name}/bytes`;
  };
  /** One node for each user: onnxruntime fuses them with it. */
  const floatsOf = (name: string, user: Node, place: number): string => {
    if (!scaleOf.has(name)) return name;
    const output = `${name}/for/${user.outputs[0]}/${place}`;
    written.push(linear('DequantizeLinear', bytesOf(name), output, name));
    return output;
  };
  for (const node of nodes) {
    if (node.op === 'Shape' && scaleOf.has(node.inputs[0])) {
      written.push({ ...node, inputs: [bytesOf(node.inputs[0])] });
    } else if (inBytes.has(node) && node.op !== 'Conv') {
      const inputs = node.inputs.map((name) => (scaleOf.has(name) ? bytesOf(name) : name));
      written.push({ ...node, inputs, outputs: [`${node.outputs[0]}/bytes`] });
      made.add(node.outputs[0]);
    } else {
      const inputs = node.inputs.map((name, place) => floatsOf(name, node, place));
      if (!inBytes.has(node)) written.push({ ...node, inputs });
      else written.push(...byteConv({ node, data: inputs[0], scale: scaleOf.get(node.inputs[0])! }, kept));
    }
  }
  return { nodes: written, initialisers: usedInitialisers(written, kept, model.graph.outputs) };
}

/** The convolution with its weights as int8 and its bias as int32, each with a scale per output channel. */
function byteConv(at: { node: Node; data: string; scale: ByteScale }, kept: Map<string, Tensor>): Node[] {
  const { node, data, scale } = at;
  const [, weightName, biasName] = node.inputs;
  const weight = kept.get(weightName)!;
  const { bytes, scales } = byteWeights(weight);
  const name = `${node.outputs[0]}/weight`;
  kept.set(`${name}/scale`, { type: 'float32', dims: [scales.length], data: scales });
  const written = [
    int8Constant(`${name}/bytes`, weight.dims, bytes),
    int8Constant(`${name}/zero`, [scales.length], new Int8Array(scales.length)),
    perChannel(name),
  ];
  if (!biasName) return [...written, { ...node, inputs: [data, `${name}/float`] }];
  const units = scales.map((value) => value * scale.scale);
  const biasBytes = `${node.outputs[0]}/bias`;
  kept.set(`${biasBytes}/bytes`, { type: 'int32', dims: [units.length], data: wholeBias(kept.get(biasName)!, units) });
  kept.set(`${biasBytes}/scale`, { type: 'float32', dims: [units.length], data: units });
  kept.set(`${biasBytes}/zero`, { type: 'int32', dims: [units.length], data: new Int32Array(units.length) });
  return [...written, perChannel(biasBytes), { ...node, inputs: [data, `${name}/float`, `${biasBytes}/float`] }];
}

function perChannel(name: string): Node {
  const axis = { kind: 'int', value: 0 } as const;
  return { ...linear('DequantizeLinear', `${name}/bytes`, `${name}/float`, name), attributes: { axis } };
}

function linear(op: 'QuantizeLinear' | 'DequantizeLinear', input: string, output: string, scaleName: string): Node {
  const inputs = [input, `${scaleName}/scale`, `${scaleName}/zero`];
  return { name: output, op, domain: '', inputs, outputs: [output], attributes: {} };
}
