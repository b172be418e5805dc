/** The values per class and pixel that a segmentation model gives, as a trial run showed them. Child only. */
import type { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import { MAX_CLASS_ID } from '../../core/label.ts';
import type { ModelInspection } from './engine-facts.ts';

/** Batch, height and width of the picture that was put in. */
export interface TrialSize {
  readonly batch: number;
  readonly heightPx: number;
  readonly widthPx: number;
}

export interface PixelMap {
  readonly outputName: string;
  readonly classes: number;
  readonly values: ModelInspection['values'];
}

/**
 * The first output that is float32 [N, K, H, W] for a picture of N, H, W. Errors: `model-unusable` where there is none
 * or K is out of bounds, `model-output-invalid` where its numbers are not finite.
 */
export function pixelMap(outputs: Readonly<Record<string, RuntimeTensor>>, size: TrialSize): PixelMap {
  const fits = ({ type, dims }: RuntimeTensor) =>
    type === 'float32' &&
    dims.length === 4 &&
    dims[0] === size.batch &&
    dims[2] === size.heightPx &&
    dims[3] === size.widthPx;
  const found = Object.entries(outputs).find(([, tensor]) => fits(tensor));
  if (!found) throw refuse(whyNoMap(outputs, size));
  const [outputName, tensor] = found;
  const classes = tensor.dims[1]!;
  if (classes < 1 || classes > MAX_CLASS_ID) {
    throw refuse(
      `the model's output "${outputName}" tells ${classes} classes apart; 1 to ${MAX_CLASS_ID} fit in a mask`,
    );
  }
  const data = tensor.data as Float32Array;
  refuseNotFinite(outputName, data);
  return { outputName, classes, values: valuesOf(data, classes, size.heightPx * size.widthPx) };
}

function refuseNotFinite(outputName: string, data: Float32Array): void {
  const bad = data.reduce((count, value) => (Number.isFinite(value) ? count : count + 1), 0);
  if (bad === 0) return;
  const share = Math.ceil((100 * bad) / data.length);
  throw new HistoloopError(
    'model-output-invalid',
    `${share} % of the model's output "${outputName}" is not a number (NaN or infinite) for an ordinary picture; ` +
      'the file is damaged or its training diverged, use an earlier version',
  );
}

function whyNoMap(outputs: Readonly<Record<string, RuntimeTensor>>, { batch, heightPx, widthPx }: TrialSize): string {
  const [first] = Object.entries(outputs);
  if (!first) return 'the model has no output';
  const [name, { type, dims }] = first;
  const said = `the model's output "${name}" is ${type} [${dims}] for pictures of [${[batch, 3, heightPx, widthPx]}]`;
  const perPixel = dims.includes(heightPx) && dims.includes(widthPx);
  if (perPixel && dims.length === 4 && dims[1] === heightPx) {
    return `${said}: channels last; export it with channels first, [batch, classes, height, width]`;
  }
  if (perPixel && (dims.length === 3 || type !== 'float32')) {
    return `${said}: class numbers or half precision; export float32 values for each class, before any argmax`;
  }
  const smaller = dims.length === 4 ? heightPx / dims[2]! : 1;
  if (smaller > 1)
    return `${said}: ${smaller} times smaller; add an upsampling to the picture's size and export it again`;
  return `${said}; it must give one value for each class and pixel, [batch, classes, height, width]`;
}

/** Values in 0…1 that sum to 1 over the classes are taken for probabilities. */
function valuesOf(data: Float32Array, classes: number, pixels: number): ModelInspection['values'] {
  if (data.some((value) => value < 0 || value > 1.0001)) return 'logits';
  if (classes === 1) return 'probabilities';
  for (let pixel = 0; pixel < pixels; pixel += 97) {
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += data[k * pixels + pixel]!;
    if (Math.abs(sum - 1) > 1e-3) return 'logits';
  }
  return 'probabilities';
}

function refuse(sentence: string): HistoloopError {
  return new HistoloopError('model-unusable', sentence);
}
