/**
 * What each operator does when its picture is blocked. A rule writes the node in the blocked layout and says true, or says
 * false and the node is written as it was, on plain values.
 */
import { intOf, stringOf } from './attributes.ts';
import { convolve, poolConvolution } from './blocked-conv.ts';
import { BLOCKED_DOMAIN } from './blocked-draft.ts';
import type { BlockedValues } from './blocked-values.ts';
import { conv3d } from './blocked-weight-gradient.ts';
import type { Node } from './graph.ts';
import { resizeQuestion } from './resize.ts';
import { repeatFactor } from './resize-taps.ts';
import { sameDims, sizeOf } from './tensor.ts';
import { windowOf } from './window.ts';

export type BlockedRule = (values: BlockedValues, node: Node) => boolean;

/**
 * Elements one by one: any layout will do where all pictures share it. Where more of them are blocked than not, the others
 * follow; where as many are not, the blocked ones leave, because what comes after is mostly more of the same.
 */
const elementwise: BlockedRule = (values, node) => {
  const { draft } = values;
  const [out] = node.outputs;
  const pictures = node.inputs.filter((name) => sizeOf(draft.dims(name)) !== 1);
  const alike = pictures.every((name) => sameDims(draft.dims(name), draft.dims(out)));
  const blocked = pictures.filter((name) => values.isBlocked(name)).length;
  if (!values.fits(out) || !alike || 2 * blocked <= pictures.length) return false;
  const inputs = node.inputs.map((name) => (pictures.includes(name) ? values.blocked(name) : name));
  values.set(out, draft.again(node, inputs, `${out}/blocked`));
  return true;
};

/** Answers in booleans cannot be reordered, so that they are blocked only for a Cast. */
const comparison: BlockedRule = (values, node) => {
  const users = values.draft.users.get(node.outputs[0]) ?? [];
  return users.every((user) => user.op === 'Cast') && elementwise(values, node);
};

const relu: BlockedRule = (values, node) => {
  const waiting = values.waitingAt(node.inputs[0]);
  if (waiting === undefined || waiting.relu || !values.draft.usedOnce(node.inputs[0])) return elementwise(values, node);
  values.wait(node.outputs[0], { ...waiting, relu: true });
  return true;
};

/** A sum with a convolution's result that nobody else uses is made while convolving. */
const add: BlockedRule = (values, node) => {
  const { draft } = values;
  const alike = node.inputs.every((name) => sameDims(draft.dims(name), draft.dims(node.outputs[0])));
  for (const at of alike && values.fits(node.outputs[0]) ? [1, 0] : []) {
    const waiting = values.isBlocked(node.inputs[1 - at]) ? values.waitingAt(node.inputs[at]) : undefined;
    if (waiting === undefined || waiting.relu || waiting.sum !== null || !draft.usedOnce(node.inputs[at])) continue;
    values.wait(node.outputs[0], { ...waiting, sum: node.inputs[1 - at] });
    return true;
  }
  return elementwise(values, node);
};

const concat: BlockedRule = (values, node) => {
  const { draft } = values;
  if (intOf(node.attributes, 'axis', 0) !== 1 || !node.inputs.every((name) => values.fits(name))) return false;
  if (draft.dims(node.outputs[0]).length !== 4 || !node.inputs.some((name) => values.isBlocked(name))) return false;
  values.join(node.outputs[0], node.inputs);
  return true;
};

/** Channels start…end−1, where they are whole blocks. Of a convolution that is only sliced no more is computed. */
const slice: BlockedRule = (values, node) => {
  const { draft, block } = values;
  const [image, ...numbers] = node.inputs;
  const [starts, ends, axes, steps] = numbers.map((name) => draft.numbers(name));
  if (axes?.join() !== '1' || (steps?.[0] ?? 1) !== 1 || !values.fits(node.outputs[0]) || !values.isBlocked(image))
    return false;
  const start = starts![0];
  const end = start + draft.dims(node.outputs[0])[1];
  if (start < 0 || start % block !== 0 || ends === undefined) return false;
  const waiting = values.waitingAt(image);
  const onlySliced = draft.users.get(image)!.every((user) => user.op === 'Slice');
  if (waiting && onlySliced && waiting.sum === null && intOf(waiting.node.attributes, 'group', 1) === 1) {
    const [first] = waiting.channels;
    values.wait(node.outputs[0], { ...waiting, channels: [first + start, first + end] });
  } else values.set(node.outputs[0], draft.slice(values.blocked(image), 1, [start, end]));
  return true;
};

/** Samples taken for channels, or back: blocks lie one after another either way. */
const reshape: BlockedRule = (values, node) => {
  const { draft } = values;
  const [image] = node.inputs;
  const [from, to] = [draft.dims(image), draft.dims(node.outputs[0])];
  if (!values.isBlocked(image) || !values.fits(node.outputs[0])) return false;
  if (from[2] !== to[2] || from[3] !== to[3]) return false;
  values.set(node.outputs[0], draft.reshape(values.blocked(image), to));
  return true;
};

const pool: BlockedRule = (values, node) => {
  const { draft } = values;
  const [image] = node.inputs;
  if (!values.isBlocked(image) || node.outputs.length > 1 || intOf(node.attributes, 'ceil_mode', 0) === 1) return false;
  const window = windowOf(node.attributes, draft.dims(image).slice(2));
  if (window.dilations.some((dilation) => dilation !== 1)) return false;
  if (node.op === 'AveragePool' && poolConvolution(values, node, window)) return true;
  const attributes = {
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: [...window.padBegin, ...window.padEnd],
    ...(node.op === 'AveragePool' ? { count_include_pad: intOf(node.attributes, 'count_include_pad', 0) } : {}),
  };
  const dims = draft.dims(node.outputs[0]);
  values.set(
    node.outputs[0],
    draft.add({ op: node.op, domain: BLOCKED_DOMAIN, inputs: [values.blocked(image)], dims, attributes }),
  );
  return true;
};

/** A number times a halved convolution is taken into its weights. */
const multiply: BlockedRule = (values, node) => {
  const { draft } = values;
  for (const at of [0, 1]) {
    const waiting = values.waitingAt(node.inputs[at]);
    const factor = draft.initialisers.get(node.inputs[1 - at]);
    if (waiting?.halved === undefined || factor?.data.length !== 1 || !draft.usedOnce(node.inputs[at])) continue;
    if (!sameDims(draft.dims(node.outputs[0]), draft.dims(node.inputs[at]))) continue;
    values.wait(node.outputs[0], { ...waiting, halved: waiting.halved * Number(factor.data[0]) });
    return true;
  }
  return elementwise(values, node);
};

/** Every pixel repeated a whole number of times. */
const resize: BlockedRule = (values, node) => {
  const { draft } = values;
  const [image] = node.inputs;
  if (!values.isBlocked(image) || stringOf(node.attributes, 'mode', 'nearest') !== 'nearest') return false;
  const inputs = node.inputs.map((name) => {
    const shape = draft.values.get(name);
    const constant = draft.initialisers.get(name);
    return shape && { type: shape.type, dims: shape.dims, ...(constant ? { constant } : {}) };
  });
  const axes = resizeQuestion({ inputs, attributes: node.attributes, outputs: 1 });
  const factors = axes.slice(2).map((axis) => repeatFactor(axis, node.attributes));
  if (factors.some((factor) => factor === null)) return false;
  if (factors.every((factor) => factor === 2)) {
    values.double(node.outputs[0], image);
    return true;
  }
  const attributes = { scales: [1, 1, ...factors.map((factor) => factor ?? 1)], mode: 'nearest' };
  const dims = draft.dims(node.outputs[0]);
  values.set(
    node.outputs[0],
    draft.add({ op: 'Upsample', domain: BLOCKED_DOMAIN, inputs: [values.blocked(image)], dims, attributes }),
  );
  return true;
};

const LONGEST_COLUMN = 1024;

/** Sums over height and width, and over the samples too: first within each block's pixels. */
const reduceSum: BlockedRule = (values, node) => {
  const { draft, block } = values;
  const [image] = node.inputs;
  if (!values.isBlocked(image)) return false;
  const axes = (draft.numbers(node.inputs[1]) ?? []).map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
  if (axes.join() !== '0,2,3' && axes.join() !== '2,3') return false;
  const [n, c, h, w] = draft.dims(image);
  // Many short columns of pixels are summed faster than a few long ones.
  const columns = (h * w) % LONGEST_COLUMN === 0 ? (h * w) / LONGEST_COLUMN : 1;
  const pieces = (n * c) / block;
  const pixels = draft.reshape(values.blocked(image), [pieces * columns, (h * w) / columns, block]);
  const summed = draft.reshape(draft.sum(pixels, 1), [pieces, columns, block]);
  const perSample = draft.reshape(columns === 1 ? summed : draft.sum(summed, 1), [n, c]);
  const total = axes.length === 3 ? draft.sum(perSample, 0) : perSample;
  draft.add({
    op: 'Reshape',
    inputs: [total, draft.ints(draft.dims(node.outputs[0]))],
    dims: draft.dims(node.outputs[0]),
    result: node.outputs[0],
  });
  return true;
};

export const BLOCKED_RULES: Readonly<Record<string, BlockedRule>> = {
  Abs: elementwise,
  Add: add,
  AveragePool: pool,
  Cast: elementwise,
  Concat: concat,
  Conv: (values, node) => conv3d(values, node) || convolve(values, node),
  Div: elementwise,
  Equal: comparison,
  Erf: elementwise,
  Exp: elementwise,
  Greater: comparison,
  HardSigmoid: elementwise,
  LeakyRelu: elementwise,
  Less: comparison,
  Log: elementwise,
  Max: elementwise,
  MaxPool: pool,
  Min: elementwise,
  Mul: multiply,
  Neg: elementwise,
  ReduceSum: reduceSum,
  Relu: relu,
  Reshape: reshape,
  Resize: resize,
  Sigmoid: elementwise,
  Slice: slice,
  Sqrt: elementwise,
  Sub: elementwise,
  Tanh: elementwise,
};
