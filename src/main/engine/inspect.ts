/**
 * Can this file be a segmentation model here? Loads it, reads what it declares, and tries it on random pixels.
 * Child only, in a process that is thrown away afterwards: a hostile model may take it down.
 */
import { type InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import type { ModelInspection } from './engine-facts.ts';
import { type ImageInput, imageInput } from './inspect-input.ts';
import { type PixelMap, pixelMap, type TrialSize } from './inspect-output.ts';
import { readModelFile, refuseUnsafe } from './model-file.ts';
import { noise } from './noise.ts';
import { openRuntime, reasonOf, unusable } from './runtime.ts';

const TILES = 2;

/** An odd number of steps high and wide (so that no larger step is tried by chance), unequal so that a swap of axes shows. */
const SIZES = [
  { step: 1, heightPx: 67, widthPx: 71 },
  { step: 2, heightPx: 74, widthPx: 82 },
  { step: 4, heightPx: 76, widthPx: 92 },
  { step: 8, heightPx: 88, widthPx: 104 },
  { step: 16, heightPx: 80, widthPx: 112 },
  { step: 32, heightPx: 96, widthPx: 160 },
  { step: 64, heightPx: 64, widthPx: 192 },
] as const;

/** Errors: `model-unusable`, `model-output-invalid`. */
export async function inspectModel(model: Uint8Array, threads: number): Promise<ModelInspection> {
  const file = readModelFile(model);
  refuseUnsafe(model);
  const runtime = await openRuntime(model, { provider: 'cpu', threads }, { purpose: 'inference' }).catch(
    (cause: unknown) => {
      const foreign = file.foreignDomains.map((domain) => `"${domain}"`).join(', ');
      if (foreign)
        throw unusable(`the model needs operators of ${foreign}, which stock onnxruntime does not have`, cause);
      throw unusable('the model could not be loaded', cause);
    },
  );
  try {
    const { parameters, opset } = file;
    return { ...(await seenIn(runtime)), layout: 'NCHW', parameters, opset };
  } finally {
    await runtime.release();
  }
}

type Seen = Omit<ModelInspection, 'layout' | 'parameters' | 'opset'>;

async function seenIn(runtime: InferenceSession): Promise<Seen> {
  const input = imageInput(runtime.inputMetadata);
  const { heightPx, widthPx } = input;
  const fixedSize = heightPx === null || widthPx === null ? null : { heightPx, widthPx };
  const { step, map } = await smallestStep(runtime, input, fixedSize ? [{ step: 1, ...fixedSize }] : SIZES);
  return {
    inputName: input.name,
    ...map,
    fixedBatch: input.batch,
    dynamicSize: fixedSize === null,
    fixedSize,
    sizeMultiple: step,
  };
}

type Sizes = readonly { readonly step: number; readonly heightPx: number; readonly widthPx: number }[];

/** The first size that works; where none does, what went wrong at the last one, the kindest. */
async function smallestStep(
  runtime: InferenceSession,
  input: ImageInput,
  sizes: Sizes,
): Promise<{ step: number; map: PixelMap }> {
  let problem: unknown;
  for (const { step, ...size } of sizes) {
    try {
      return { step, map: await tryAt(runtime, input.name, { batch: input.batch ?? TILES, ...size }) };
    } catch (error) {
      if (error instanceof HistoloopError && error.code === 'model-output-invalid') throw error;
      problem = error;
    }
  }
  throw problem;
}

async function tryAt(runtime: InferenceSession, inputName: string, size: TrialSize): Promise<PixelMap> {
  const dims = [size.batch, 3, size.heightPx, size.widthPx];
  const outputs = await runtime
    .run({ [inputName]: new RuntimeTensor('float32', noise(dims), dims) })
    .catch((cause: unknown) => {
      throw new HistoloopError(
        'model-unusable',
        `the model failed on a trial picture of [${dims}]: ${reasonOf(cause)}; try it there where it was exported, on a picture of that size`,
        { cause },
      );
    });
  return pixelMap(outputs as Readonly<Record<string, RuntimeTensor>>, size);
}
