/** From a network's raw output to class probabilities, and the check that it is an answer at all. */
import { HistoloopError } from '../errors.ts';
import type { Tensor } from '../nn/session.ts';
import type { ModelCard } from './model-card.ts';

/**
 * Probabilities [N,K,H,W] of a model's output; `shape` is what its input of N pictures lets expect. Where there are two
 * classes, one channel may stand for the second.
 * Errors: `model-unusable` where the shape is another, `model-output-invalid` where a value is NaN or infinite.
 */
export function probabilitiesOf(output: Tensor | undefined, card: ModelCard, shape: readonly number[]): Float32Array {
  if (output === undefined) {
    throw new HistoloopError(
      'model-unusable',
      `model ${card.name} gave no output named ${card.output}; correct its card`,
    );
  }
  const single = shape[1] === 2 && output.dims.join() === [shape[0], 1, ...shape.slice(2)].join();
  if ((!single && output.dims.join() !== shape.join()) || !(output.data instanceof Float32Array)) {
    const found = `${output.type} [${output.dims.join(', ')}]`;
    const wanted = `float32 [${shape.join(', ')}]`;
    const message = `model ${card.name} answered ${found}, not ${wanted}: it needs one channel for each of its classes (${card.classes.join(', ')}) at the size of its input; use another model or correct its card`;
    throw new HistoloopError('model-unusable', message, { data: { found, wanted } });
  }
  const bad = firstNotFinite(output.data);
  if (bad >= 0) {
    const message = `model ${card.name} answered ${output.data[bad]} instead of a number; nothing of it was stored: go back to an earlier version of the model`;
    throw new HistoloopError('model-output-invalid', message, { data: { index: bad } });
  }
  if (single) return withBackground(output.data, card.outputKind, shape);
  return card.outputKind === 'probabilities' ? output.data : softmaxOverClasses(output.data, shape);
}

/** One channel p (or a logit of it) as two: 1 − p and p. */
function withBackground(
  values: Float32Array,
  kind: ModelCard['outputKind'],
  [count, , height, width]: readonly number[],
): Float32Array {
  const plane = height! * width!;
  const result = new Float32Array(2 * values.length);
  for (let n = 0; n < count!; n++) {
    for (let i = 0; i < plane; i++) {
      const value = values[n * plane + i]!;
      const p = kind === 'probabilities' ? value : 1 / (1 + Math.exp(-value));
      result[2 * n * plane + i] = 1 - p;
      result[(2 * n + 1) * plane + i] = p;
    }
  }
  return result;
}

/** A plain loop: several times faster than findIndex, and this runs on every pixel of a slide. */
function firstNotFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]!) <= Number.MAX_VALUE)) return i;
  return -1;
}

/** Softmax of [N,K,H,W] values over K. */
function softmaxOverClasses(logits: Float32Array, shape: readonly number[]): Float32Array {
  const [count, classes, height, width] = shape as [number, number, number, number];
  const plane = height * width;
  const result = new Float32Array(logits.length);
  for (let image = 0; image < count; image++) {
    const first = image * classes * plane;
    const own = { values: logits.subarray(first, first + classes * plane), into: result.subarray(first) };
    if (classes === 2) softmaxOfTwo(own.values, own.into, plane);
    else softmaxOfMany(own.values, own.into, plane);
  }
  return result;
}

/** The same with one exponential a pixel instead of two. */
function softmaxOfTwo(values: Float32Array, into: Float32Array, plane: number): void {
  for (let i = 0; i < plane; i++) {
    const second = 1 / (1 + Math.exp(values[i]! - values[plane + i]!));
    into[i] = 1 - second;
    into[plane + i] = second;
  }
}

/** With each pixel's greatest value taken off first, so that no exponential overflows. */
function softmaxOfMany(values: Float32Array, into: Float32Array, plane: number): void {
  for (let pixel = 0; pixel < plane; pixel++) {
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = pixel; i < values.length; i += plane) if (values[i]! > greatest) greatest = values[i]!;
    let sum = 0;
    for (let i = pixel; i < values.length; i += plane) sum += into[i] = Math.exp(values[i]! - greatest);
    for (let i = pixel; i < values.length; i += plane) into[i]! /= sum;
  }
}

/** The channel of the greatest value of each pixel; `values` are planes [K,…], of equals the first counts. */
export function greatestChannels(values: Float32Array | Uint8Array, classes: number): Uint8Array {
  const plane = values.length / classes;
  return Uint8Array.from({ length: plane }, (_, pixel) => {
    let best = 0;
    for (let k = 1; k < classes; k++) if (values[k * plane + pixel]! > values[best * plane + pixel]!) best = k;
    return best;
  });
}
