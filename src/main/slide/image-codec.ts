/** Pictures of labels and of tissue as plain arrays: labels keep every stored value, tissue becomes RGB on white. */
import { HistoloopError, toHistoloopError } from '../../core/errors.ts';
import type { RgbImage } from '../../core/slide.ts';
import { MAX_PICTURE_PIXELS } from './plain-picture.ts';
import { isPng, type PngSamples, readPngSamples } from './png-samples.ts';
import { decodePicture } from './sharp-codec.ts';
import { openSlideFile, type SlideFile } from './slide-file.ts';
import { isTiff } from './tiff-directory.ts';
import { readTiffLabels } from './tiff-labels.ts';

export interface LabelImage {
  readonly width: number;
  readonly height: number;
  /** Row-major: grey levels or palette indices exactly as stored; 16-bit files give a Uint16Array. */
  readonly data: Uint8Array | Uint16Array;
}

/** Errors: those of opening a file, `slide-unsupported` (no PNG or TIFF, several channels), `slide-damaged`. */
export async function readLabelImage(path: string): Promise<LabelImage> {
  const file = await openSlideFile(path);
  try {
    if (isPng(file.head))
      return oneChannel(await readPngSamples(await file.read(0, file.sizeBytes), MAX_PICTURE_PIXELS));
    if (isTiff(file.head)) return await readTiffLabels(file, MAX_PICTURE_PIXELS);
    const message = `${file.name} is no PNG or TIFF: labels are read from these only, because JPEG changes their values`;
    throw new HistoloopError('slide-unsupported', message, { data: { path } });
  } catch (error) {
    throw damaged(error, file, 'label picture');
  } finally {
    await file.close();
  }
}

/** RGB, 8 bits, alpha laid on white, colours as stored. Errors: those of opening a file, `slide-damaged`. */
export async function readRgbImage(path: string): Promise<RgbImage> {
  const file = await openSlideFile(path);
  try {
    return await decodePicture(path, MAX_PICTURE_PIXELS);
  } catch (error) {
    throw damaged(error, file, 'picture');
  } finally {
    await file.close();
  }
}

/** Several channels are labels only where they agree in every pixel; an alpha channel is ignored. */
function oneChannel(samples: PngSamples): LabelImage {
  const { width, height, channels, data } = samples;
  if (channels === 1) return { width, height, data };
  const colours = channels === 2 ? 1 : 3;
  const first = data.slice(0, width * height);
  for (let i = 0; i < width * height; i++) {
    first[i] = data[i * channels]!;
    for (let c = 1; c < colours; c++) {
      if (data[i * channels + c] !== first[i]) throw new Error('it is a colour picture; labels have one channel');
    }
  }
  return { width, height, data: first };
}

function damaged(error: unknown, file: SlideFile, what: string): HistoloopError {
  const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
  const message = `the ${what} ${file.name} cannot be read: ${reason}`;
  return toHistoloopError(
    error instanceof HistoloopError ? error : new HistoloopError('slide-damaged', message, { cause: error }),
  );
}
