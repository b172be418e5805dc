/**
 * A worker thread that draws rectangles of a drawn slide and encodes them, so that the process that serves tiles never
 * waits for it. A built entry of its own; it knows recipes and pixels, nothing of slides, levels or caches.
 */
import { parentPort } from 'node:worker_threads';
import { type PlainError, toPlainError } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';
import { drawRegion, truthRegion } from '../../core/learn/synthesise/draw-region.ts';
import type { DrawnRecipe } from '../../core/learn/synthesise/recipe.ts';
import { encodeJpeg } from './sharp-codec.ts';

export interface DrawJob {
  readonly jobId: number;
  readonly recipe: DrawnRecipe;
  readonly slideRect: Rect;
  readonly width: number;
  readonly height: number;
  /** A JPEG file, RGB bytes, or one label byte a pixel. */
  readonly want: 'jpeg' | 'rgb' | 'truth';
}

export type DrawAnswer =
  | { readonly jobId: number; readonly bytes: Uint8Array }
  | { readonly jobId: number; readonly error: PlainError };

async function answer(job: DrawJob): Promise<Uint8Array> {
  if (job.want === 'truth') return truthRegion(job.recipe, job.slideRect, job.width, job.height);
  const { image } = drawRegion(job.recipe, job.slideRect, job.width, job.height);
  return job.want === 'rgb' ? image.data : (await encodeJpeg(image)).bytes;
}

parentPort?.on('message', async (job: DrawJob) => {
  try {
    const bytes = await answer(job);
    // Drawn pixels are handed over; sharp's own memory cannot be, and a JPEG is small enough to copy.
    const transfer = job.want === 'jpeg' ? [] : [bytes.buffer as ArrayBuffer];
    parentPort?.postMessage({ jobId: job.jobId, bytes }, transfer);
  } catch (error) {
    parentPort?.postMessage({ jobId: job.jobId, error: toPlainError(error) });
  }
});
