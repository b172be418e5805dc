/**
 * What a network that nobody knows answers to noise: the shapes and ranges of its outputs and of the scores before them.
 * Child only, in a process that is thrown away afterwards.
 */
import { type InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import type { PictureSize } from '../../core/nn/answer-layout.ts';
import type { FoundNormalisation } from '../../core/nn/found-normalisation.ts';
import type { OnnxModel, ValueInfo } from '../../core/nn/graph.ts';
import type { ImageLayout } from '../../core/nn/image-layout.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import { noise } from './noise.ts';
import { openRuntime, reasonOf, unusable } from './runtime.ts';

export interface Observation {
  readonly size: PictureSize;
  /** By value name: every output, and every value that was asked for besides. */
  readonly values: ReadonlyMap<string, RuntimeTensor>;
}

/** Unequal sides, so that a swap of axes shows; large multiples first, so that a quarter is a quarter. */
const SIZES = [
  { heightPx: 128, widthPx: 192 },
  { heightPx: 256, widthPx: 384 },
  { heightPx: 256, widthPx: 256 },
  { heightPx: 512, widthPx: 512 },
  { heightPx: 224, widthPx: 224 },
] as const;

/** Errors: `model-unusable` where it cannot be loaded, or fails at every size. */
export async function observe(
  model: OnnxModel,
  image: ImageLayout,
  request: { besides: readonly string[]; scale: FoundNormalisation | null; threads: number },
): Promise<Observation> {
  const runtime = await openWatched(model, request.besides, request.threads);
  try {
    const { heightPx, widthPx } = image;
    const sizes = heightPx !== null && widthPx !== null ? [{ heightPx, widthPx }] : SIZES;
    let problem: unknown;
    for (const sides of sizes) {
      const size: PictureSize = { batch: image.batch ?? 2, ...sides };
      try {
        const outputs = await runtime.run({ [image.inputName]: pictureFor(image, size, request.scale) });
        return { size, values: new Map(Object.entries(outputs as Record<string, RuntimeTensor>)) };
      } catch (cause) {
        problem = new HistoloopError(
          'model-unusable',
          `the model failed on a trial picture of ${sides.heightPx}×${sides.widthPx}: ${reasonOf(cause)}; try it there where it was exported, on a picture of that size`,
          { cause },
        );
      }
    }
    throw problem;
  } finally {
    await runtime.release();
  }
}

/** The values besides are made outputs; where the runtime knows them as another type, the outputs must do. */
async function openWatched(model: OnnxModel, besides: readonly string[], threads: number): Promise<InferenceSession> {
  const open = (outputs: readonly ValueInfo[]) =>
    openRuntime(
      encodeModel({ ...model, graph: { ...model.graph, outputs } }),
      { provider: 'cpu', threads },
      { purpose: 'inference' },
    );
  const known = new Set(model.graph.outputs.map((output) => output.name));
  const wanted = [...new Set(besides)].filter((name) => !known.has(name));
  const more = wanted.map((name) => ({ name, type: 'float32', dims: null }) as const);
  try {
    return await open([...model.graph.outputs, ...more]);
  } catch (cause) {
    if (more.length === 0) throw unusable('the model could not be loaded', cause);
    return open(model.graph.outputs).catch((again: unknown) => {
      throw unusable('the model could not be loaded', again);
    });
  }
}

/** Noise in the range that the network seems to want. */
function pictureFor(image: ImageLayout, size: PictureSize, scale: FoundNormalisation | null): RuntimeTensor {
  const { batch, heightPx, widthPx } = size;
  const dims = image.channelsLast
    ? [batch, heightPx, widthPx, image.channels]
    : [batch, image.channels, heightPx, widthPx];
  const values = noise(dims);
  if (image.type === 'uint8') {
    const bytes = Uint8Array.from(values, (value) => value * 256);
    return new RuntimeTensor('uint8', bytes, dims);
  }
  const [mean, deviation] = [scale?.mean[0] ?? 0, scale?.deviation[0] ?? 1];
  const scaled = values.map((value) => (value - mean) / deviation);
  return new RuntimeTensor('float32', scaled, dims);
}
