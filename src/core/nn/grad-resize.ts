/** Gradients of Resize: averages where values are merely repeated, one convolution for ×2 linear, matrices for the rest. */
import { stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import { questionOf, type Rule } from './grad-rule.ts';
import type { Attributes } from './graph.ts';
import { isUnchanged, type ResizeAxis, resizeQuestion } from './resize.ts';
import { repeatFactor, resizeMatrix } from './resize-taps.ts';
import { sizeOf } from './tensor.ts';

export const resize: Rule = (call) => {
  const { g, node, x, dy } = call;
  const axes = resizeQuestion(questionOf(call));
  const { attributes } = node;
  const none = x.slice(1).map(() => null);
  const factors = axes.map((axis) => repeatFactor(axis, attributes));
  const onPicture = axes.length === 4 && axes.slice(0, 2).every(isUnchanged);
  if (onPicture && factors.every((factor) => factor !== null)) {
    const kernel = factors.slice(2);
    if (kernel.every((factor) => factor === 1)) return [dy[0]!, ...none];
    const averages = g.op('AveragePool', [dy[0]!], { kernel_shape: kernel, strides: kernel });
    return [g.scale(averages, sizeOf(kernel)), ...none];
  }
  if (onPicture && axes.slice(2).every((axis) => doubles(axis, attributes))) return [halved(g, dy[0]!), ...none];
  const back = axes.reduce(
    (slope, axis, at) => (isUnchanged(axis) ? slope : alongAxis(g, slope, { axis, at, attributes, back: true })),
    dy[0]!,
  );
  return [back, ...none];
};

/** Twice the size, linearly, pixel centres halfway: each pixel is read with weights 1 3 3 1 over 4. */
function doubles({ inputSize, outputSize, scale }: ResizeAxis, attributes: Attributes): boolean {
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  const centred = coordinates === 'half_pixel' || coordinates === 'pytorch_half_pixel';
  return centred && stringOf(attributes, 'mode', 'nearest') === 'linear' && scale === 2 && outputSize === 2 * inputSize;
}

/** The border's own pixel is read as often as if it were repeated outside, so the slope is repeated there too. */
function halved(g: GraphBuilder, slope: string): string {
  const [n, c, h, w] = g.dims(slope);
  const planes = g.reshape(slope, [n * c, 1, h, w]);
  const padded = g.op('Pad', [planes, g.ints([0, 0, 1, 1, 0, 0, 1, 1])], { mode: 'edge' });
  const along = [0.25, 0.75, 0.75, 0.25];
  const kernel = g.floats(
    [1, 1, 4, 4],
    along.flatMap((row) => along.map((column) => row * column)),
  );
  const sums = g.op('Conv', [padded, kernel], { kernel_shape: [4, 4], strides: [2, 2] });
  return g.reshape(sums, [n, c, h / 2, w / 2]);
}

interface Along {
  readonly axis: ResizeAxis;
  /** Which axis of the tensor. */
  readonly at: number;
  readonly attributes: Attributes;
  /** From the output's size back to the input's. */
  readonly back: boolean;
}

/** Multiplies one axis by its matrix, or by that matrix transposed. */
export function alongAxis(g: GraphBuilder, value: string, { axis, at, attributes, back }: Along): string {
  const { inputSize, outputSize } = axis;
  const dims = g.dims(value);
  const matrix = g.floats([outputSize, inputSize], resizeMatrix(axis, attributes));
  if (at === dims.length - 1) return g.op('MatMul', [value, back ? matrix : g.transpose(matrix, [1, 0])]);
  const inner = sizeOf(dims.slice(at + 1));
  const columns = g.reshape(value, [sizeOf(dims.slice(0, at)), dims[at], inner]);
  const product = g.op('MatMul', [back ? g.transpose(matrix, [1, 0]) : matrix, columns]);
  const size = back ? inputSize : outputSize;
  return g.reshape(product, [...dims.slice(0, at), size, ...dims.slice(at + 1)]);
}
