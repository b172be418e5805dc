/** The geometry of Resize: which size each axis gets and by which factor. What a position reads is `resize-taps.ts`. */
import { HistoloopError } from '../errors.ts';
import type { ShapeQuestion } from './shape-question.ts';
import { constantNumbers, first } from './shape-question.ts';

export interface ResizeAxis {
  readonly inputSize: number;
  readonly outputSize: number;
  readonly scale: number;
}

/** No tile is larger along an axis; a damaged model may ask for billions. */
const MAX_SIZE = 2 ** 17;

/** Scales and output size per axis, from whichever of the two inputs is there. */
export function resizeAxes(dims: readonly number[], scales: readonly number[], sizes: readonly number[]): ResizeAxis[] {
  if (scales.length !== dims.length && sizes.length !== dims.length) {
    throw new HistoloopError('model-unusable', `a Resize needs ${dims.length} scales or sizes`);
  }
  const axes = dims.map((inputSize, axis) => {
    // In float32 as the runtime does: 5 · 1.8 is 9 there, but just below it in doubles.
    const outputSize = sizes.length > 0 ? sizes[axis] : Math.floor(Math.fround(inputSize * scales[axis]));
    if (!(outputSize >= 1 && outputSize <= MAX_SIZE)) {
      const asked = sizes.length > 0 ? `size ${outputSize}` : `scale ${scales[axis]}`;
      throw new HistoloopError(
        'model-unusable',
        `a Resize of ${inputSize} pixels by ${asked} does not give between 1 and ${MAX_SIZE}`,
      );
    }
    return { inputSize, outputSize, scale: sizes.length > 0 ? outputSize / inputSize : scales[axis] };
  });
  return settled(axes);
}

/** The runtime copies a picture that keeps its size, even where a fractional scale would move its pixels. */
export function settled(axes: readonly ResizeAxis[]): ResizeAxis[] {
  const same = axes.every(({ inputSize, outputSize }) => inputSize === outputSize);
  return axes.map((axis) => (same ? { ...axis, scale: 1 } : axis));
}

/** The axes of a Resize node, in numbers. */
export function resizeQuestion(q: ShapeQuestion): ResizeAxis[] {
  return resizeAxes(first(q).dims, constantNumbers(q, 2) ?? [], constantNumbers(q, 3) ?? []);
}

/** Whether the axis keeps every value where it is. */
export function isUnchanged({ inputSize, outputSize, scale }: ResizeAxis): boolean {
  return inputSize === outputSize && scale === 1;
}
