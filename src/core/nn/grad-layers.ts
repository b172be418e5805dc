/** Gradients of pooling, resizing, normalisation and matrix products. */
import { HistoloopError } from '../errors.ts';
import { floatOf, intOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { questionOf } from './grad-axes.ts';
import { allButChannel, isEqual, perChannel, type Rule, type RuleCall, unbroadcast } from './grad-rule.ts';
import { type ResizeAxis, repeatFactor, resizeTaps } from './resize.ts';
import { resizeQuestion } from './shape-layers.ts';
import { sizeOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';
import { type Window, windowOf } from './window.ts';

/** Repeats each pixel: [N,C,h,w] → [N,C,h·kh,w·kw]. */
export function repeatPixels(g: GraphBuilder, image: string, factors: readonly number[]): string {
  if (factors.every((factor) => factor === 1)) return image;
  return g.op('Resize', [image, '', g.floats([4], [1, 1, ...factors])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'floor',
  });
}

function averagePixels(g: GraphBuilder, image: string, factors: readonly number[]): string {
  return g.op('AveragePool', [image], { kernel_shape: factors, strides: factors });
}

/** Windows side by side that cover the image exactly. */
function tiles(window: Window, image: readonly number[]): boolean {
  return image.every(
    (size, axis) =>
      window.kernel[axis] === window.strides[axis] &&
      window.dilations[axis] === 1 &&
      window.padBegin[axis] + window.padEnd[axis] === 0 &&
      size % window.kernel[axis] === 0,
  );
}

/** Each window's gradient goes to its largest pixel, in equal shares where several are (white background). */
const maxPool: Rule = ({ g, node, x, y, dy }) => {
  const dims = g.dims(x[0]);
  const window = windowOf(node.attributes, dims.slice(2));
  if (dims.length !== 4 || !tiles(window, dims.slice(2))) {
    throw new HistoloopError(
      'model-unusable',
      `${nodeLabel(node)} has windows of ${window.kernel.join('×')} in steps of ${window.strides.join('×')} over ${dims.slice(2).join('×')} pixels; only windows side by side that cover the tile exactly can be trained through, so choose a tile size divisible by them or another network`,
    );
  }
  const mask = isEqual(g, x[0], repeatPixels(g, y[0], window.kernel));
  const count = g.scale(averagePixels(g, mask, window.kernel), sizeOf(window.kernel));
  return [g.mul(mask, repeatPixels(g, g.div(dy[0]!, count), window.kernel))];
};

const averagePool: Rule = ({ g, node, x, y, dy }) => {
  const dims = g.dims(x[0]);
  const out = g.dims(y[0]).slice(2);
  const window = windowOf(node.attributes, dims.slice(2));
  if (dims.length !== 4 || intOf(node.attributes, 'ceil_mode', 0) === 1) {
    throw new HistoloopError('model-unusable', `${nodeLabel(node)} rounds its size up; export it with ceil_mode 0`);
  }
  const padded = [...window.padBegin, ...window.padEnd].some((pad) => pad > 0);
  const whole = !padded && window.kernel.every((size, axis) => out[axis] === 1 && size === dims[axis + 2]);
  const share = 1 / sizeOf(window.kernel);
  if (whole) return [g.expand(g.scale(dy[0]!, share), dims)];
  if (tiles(window, dims.slice(2))) return [repeatPixels(g, g.scale(dy[0]!, share), window.kernel)];
  return [
    overlappingAverage(g, {
      dims,
      out,
      window,
      dy: dy[0]!,
      padding: intOf(node.attributes, 'count_include_pad', 0) === 1,
    }),
  ];
};

interface Overlap {
  readonly dims: readonly number[];
  readonly out: readonly number[];
  readonly window: Window;
  readonly dy: string;
  /** Whether padding counts as pixels. */
  readonly padding: boolean;
}

/** Overlapping windows: each output pixel is handed out evenly, which is a transposed convolution with ones. */
function overlappingAverage(g: GraphBuilder, { dims, out, window, dy, padding }: Overlap): string {
  const along = out.map((count, axis) =>
    Array.from({ length: count }, (_, at) => {
      const start = at * window.strides[axis] - window.padBegin[axis];
      const inside = Math.min(dims[axis + 2], start + window.kernel[axis]) - Math.max(0, start);
      return 1 / (padding ? window.kernel[axis] : inside);
    }),
  );
  const shares = along[0].flatMap((row) => along[1].map((column) => row * column));
  const spare = out.map((count, axis) => {
    const used = window.strides[axis] * (count - 1) + window.kernel[axis];
    return dims[axis + 2] + window.padBegin[axis] + window.padEnd[axis] - used;
  });
  const ones = g.filled([dims[1], 1, ...window.kernel], 1);
  return g.op('ConvTranspose', [g.mul(dy, g.floats([1, 1, ...out], shares)), ones], {
    group: dims[1],
    kernel_shape: window.kernel,
    strides: window.strides,
    pads: [...window.padBegin, ...window.padEnd],
    output_padding: spare,
  });
}

const globalAveragePool: Rule = ({ g, x, dy }) => {
  const dims = g.dims(x[0]);
  return [g.expand(g.scale(dy[0]!, 1 / sizeOf(dims.slice(2))), dims)];
};

const globalMaxPool: Rule = ({ g, x, y, dy }) => {
  const mask = isEqual(g, x[0], y[0]);
  return [g.mul(mask, g.div(dy[0]!, unbroadcast(g, mask, g.dims(y[0]))))];
};

/** Whole-number repetition goes back by averaging; anything else by the transposed matrices of each axis. */
const resize: Rule = (call) => {
  const { g, node, x, dy } = call;
  const axes = resizeQuestion(questionOf(call));
  if (axes.length !== 4 || axes.slice(0, 2).some((axis) => axis.inputSize !== axis.outputSize)) {
    throw new HistoloopError('model-unusable', `${nodeLabel(node)} resizes something other than height and width`);
  }
  const factors = axes.slice(2).map((axis) => repeatFactor(axis, node.attributes));
  const none = x.slice(1).map(() => null);
  if (factors.every((factor) => factor !== null)) {
    if (factors.every((factor) => factor === 1)) return [dy[0]!, ...none];
    return [g.scale(averagePixels(g, dy[0]!, factors), sizeOf(factors)), ...none];
  }
  const [rows, columns] = axes.slice(2).map((axis) => resizeMatrix(axis, call));
  const across = g.op('MatMul', [dy[0]!, g.floats([axes[3].outputSize, axes[3].inputSize], columns)]);
  const turned = g.transpose(g.floats([axes[2].outputSize, axes[2].inputSize], rows), [1, 0]);
  return [g.op('MatMul', [turned, across]), ...none];
};

/** [output, input]: what each output position takes from each input position. */
function resizeMatrix(axis: ResizeAxis, { node }: RuleCall): Float64Array {
  const matrix = new Float64Array(axis.outputSize * axis.inputSize);
  resizeTaps(axis, node.attributes).forEach(({ from, weights }, row) => {
    from.forEach((column, i) => {
      matrix[row * axis.inputSize + column] += weights[i];
    });
  });
  return matrix;
}

/** Frozen: mean and variance are constants, so this is a scale and a shift per channel. */
const batchNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const [, scale, , mean, variance] = x;
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
  const centred = () => g.sub(x[0], perChannel(g, mean, rank));
  return [
    needs[0] ? g.mul(dy[0]!, perChannel(g, g.div(scale, deviation), rank)) : null,
    needs[1] ? g.div(g.sum(g.mul(dy[0]!, centred()), allButChannel(rank), false), deviation) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
    null,
    null,
  ];
};

const instanceNormalization: Rule = ({ g, node, x, dy, needs }) => {
  const rank = g.dims(x[0]).length;
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  const centred = g.sub(x[0], g.mean(x[0], spatial));
  const variance = g.mean(g.mul(centred, centred), spatial);
  const deviation = g.op('Sqrt', [g.add(variance, g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)))]);
  const unit = g.div(centred, deviation);
  const inner = g.mul(dy[0]!, perChannel(g, x[1], rank));
  const spread = g.mul(unit, g.mean(g.mul(inner, unit), spatial));
  return [
    needs[0] ? g.div(g.sub(g.sub(inner, g.mean(inner, spatial)), spread), deviation) : null,
    needs[1] ? g.sum(g.mul(dy[0]!, unit), allButChannel(rank), false) : null,
    needs[2] ? g.sum(dy[0]!, allButChannel(rank), false) : null,
  ];
};

/** The last two axes swapped. */
function turned(g: GraphBuilder, matrix: string): string {
  const rank = g.dims(matrix).length;
  return g.transpose(
    matrix,
    Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis)),
  );
}

const matMul: Rule = ({ g, x, dy, needs }) => {
  const [a, b] = x.map((name) => g.dims(name));
  const left = () => unbroadcast(g, g.op('MatMul', [dy[0]!, turned(g, x[1])]), a);
  const right = () => {
    if (b.length > 2) return unbroadcast(g, g.op('MatMul', [turned(g, x[0]), dy[0]!]), b);
    const rows = sizeOf(a) / a.at(-1)!;
    return g.op('MatMul', [turned(g, g.reshape(x[0], [rows, b[0]])), g.reshape(dy[0]!, [rows, b[1]])]);
  };
  return [needs[0] ? left() : null, needs[1] ? right() : null];
};

/** Y = α·A′B′ + β·C, where ′ is an optional transposition. */
const gemm: Rule = ({ g, node, x, dy, needs }) => {
  const alpha = floatOf(node.attributes, 'alpha', 1);
  const [transA, transB] = [intOf(node.attributes, 'transA', 0), intOf(node.attributes, 'transB', 0)];
  const product = (a: string, b: string, turns: readonly [number, number]) =>
    g.op('Gemm', [a, b], { alpha, transA: turns[0], transB: turns[1] });
  const left = () => (transA ? product(x[1], dy[0]!, [transB, 1]) : product(dy[0]!, x[1], [0, 1 - transB]));
  const right = () => (transB ? product(dy[0]!, x[0], [1, transA]) : product(x[0], dy[0]!, [1 - transA, 0]));
  const added = () => unbroadcast(g, g.scale(dy[0]!, floatOf(node.attributes, 'beta', 1)), g.dims(x[2]));
  return [needs[0] ? left() : null, needs[1] ? right() : null, needs[2] ? added() : null];
};

export const LAYER_RULES = {
  AveragePool: averagePool,
  BatchNormalization: batchNormalization,
  Gemm: gemm,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  InstanceNormalization: instanceNormalization,
  MatMul: matMul,
  MaxPool: maxPool,
  Resize: resize,
} satisfies Record<string, Rule>;
