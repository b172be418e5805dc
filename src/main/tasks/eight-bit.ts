/**
 * The model in 8 bits for a prediction: measured on tiles of the slide at hand, kept beside the model, and refused where it
 * does not say the same as the full model on other tiles of it. It predicts nothing itself.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfCancelled } from '../../core/cancel.ts';
import { HistoloopError } from '../../core/errors.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { agreementOf, measureRanges } from '../../core/learn/calibrate.ts';
import type { ModelCard } from '../../core/learn/model-card.ts';
import type { WindowNetwork } from '../../core/learn/window-network.ts';
import { decodeModel } from '../../core/nn/onnx.ts';
import type { RgbImage } from '../../core/slide.ts';
import type { JobContext } from '../jobs.ts';
import type { LoadedModel } from '../model-library.ts';
import type { OpenSlideEntry } from '../slide-shelf.ts';
import type { Ranges } from '../warm-network.ts';
import { writeWhole } from '../write-whole.ts';
import type { Parts } from './parts.ts';

/** Pictures to measure on, and others to compare on. */
const MEASURED_ON = 8;
const COMPARED_ON = 4;
/**
 * Dice between the two models' labels below which the 8-bit one is not used. Real slides reach 0.993 to 0.997 with the
 * built-in model (only edges of nuclei differ), which costs no measurable Dice against the truth; 0.995 would refuse them.
 */
const LEAST_AGREEMENT = 0.99;
const PICTURE_PX = 512;

export interface EightBitRequest {
  readonly model: LoadedModel;
  readonly entry: OpenSlideEntry;
  /** Model pixels per mask pixel. */
  readonly scale: number;
  /** Mask tiles that will be predicted, flat column, row …: the pictures are taken from them. */
  readonly tiles: readonly number[];
}

/** What lies beside the model: ranges by value name, and by slide how well the two agreed. */
interface Kept {
  readonly format: 'histoloop-eight-bit/1';
  readonly modelSha256: string;
  readonly ranges: readonly (readonly [string, { readonly min: number; readonly max: number }])[];
  readonly agreement: Readonly<Record<string, number>>;
}

/** Errors: `model-unusable` (the model cannot be written in 8 bits, or says something else then), `cancelled`. */
export async function eightBitNetwork(parts: Parts, request: EightBitRequest, job: JobContext): Promise<WindowNetwork> {
  const { model, entry } = request;
  const kept = await readKept(parts, model);
  const known = kept?.agreement[entry.row.sha256];
  if (kept !== null && known !== undefined) {
    requireAgreement(model.card, known);
    return parts.library.network(model, new Map(kept.ranges));
  }
  job.say('measuring the model for 8 bits');
  const images = await picturesOf(request, job);
  const ranges = kept === null ? await measure(parts, model, images.measure, job) : new Map(kept.ranges);
  const agreement = await compare(parts, { model, ranges, images: images.compare }, job);
  throwIfCancelled(job.signal);
  const agreements = { ...kept?.agreement, [entry.row.sha256]: agreement };
  await writeKept(parts, model, { ranges, agreements });
  requireAgreement(model.card, agreement);
  job.say('');
  return parts.library.network(model, ranges);
}

function requireAgreement(card: ModelCard, agreement: number): void {
  if (agreement >= LEAST_AGREEMENT) return;
  const message = `in 8 bits model ${card.name} agrees with itself on this slide only to Dice ${agreement.toFixed(3)}, less than ${LEAST_AGREEMENT}; predict without 8-bit`;
  throw new HistoloopError('model-unusable', message, { data: { agreement } });
}

/** Pictures spread over the tiles; every third is kept back to compare on. */
async function picturesOf({ model, entry, scale, tiles }: EightBitRequest, job: JobContext) {
  const wanted = MEASURED_ON + COMPARED_ON;
  const count = tiles.length / 2;
  const chosen = [...new Set(Array.from({ length: wanted }, (_, n) => Math.floor((n * count) / wanted)))];
  const { fixedSizePx, sizeMultiple } = model.card;
  const size = fixedSizePx ?? Math.ceil(PICTURE_PX / sizeMultiple) * sizeMultiple;
  const edge = (size * entry.row.maskDownsample) / scale;
  const tileEdge = MASK_TILE_PX * entry.row.maskDownsample;
  const images: RgbImage[] = [];
  for (const tile of chosen) {
    throwIfCancelled(job.signal);
    const [x, y] = [tiles[2 * tile]! * tileEdge, tiles[2 * tile + 1]! * tileEdge];
    images.push(await entry.slide.region({ x, y, width: edge, height: edge }, size, size, job.signal));
  }
  if (images.length < 3) return { measure: images, compare: images };
  return { measure: images.filter((_, n) => n % 3 !== 2), compare: images.filter((_, n) => n % 3 === 2) };
}

function measure(parts: Parts, { bytes, card }: LoadedModel, images: readonly RgbImage[], { signal }: JobContext) {
  return measureRanges({ model: decodeModel(bytes), card, images, open: parts.engine.open, signal });
}

interface Comparison {
  readonly model: LoadedModel;
  readonly ranges: Ranges;
  readonly images: readonly RgbImage[];
}

/** One network after the other: only one is kept open. */
async function compare(parts: Parts, { model, ranges, images }: Comparison, job: JobContext): Promise<number> {
  const answersOf = async (network: WindowNetwork) => {
    const answers = new Map<RgbImage, Uint8Array>();
    for (const image of images) {
      throwIfCancelled(job.signal);
      answers.set(image, await network.run(image));
    }
    return { run: async (image: RgbImage) => answers.get(image)!, close: async () => {} };
  };
  const one = await answersOf(await parts.library.network(model));
  const other = await answersOf(await parts.library.network(model, ranges));
  return agreementOf({ one, other }, model.card.classes.length, images);
}

function pathOf(parts: Parts, { version }: LoadedModel): string {
  return join(parts.store.folder, 'models', `${version.modelId}.8bit.json`);
}

/** Null where nothing was kept, or what was kept is damaged or of other bytes: it is measured again. */
async function readKept(parts: Parts, model: LoadedModel): Promise<Kept | null> {
  const text = await readFile(pathOf(parts, model), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const kept = JSON.parse(text) as Kept;
    const sound =
      kept.format === 'histoloop-eight-bit/1' &&
      kept.modelSha256 === model.version.sha256 &&
      kept.ranges.length > 0 &&
      kept.ranges.every(([name, { min, max }]) => typeof name === 'string' && min <= max) &&
      Object.values(kept.agreement).every(Number.isFinite);
    return sound ? kept : null;
  } catch {
    return null;
  }
}

async function writeKept(
  parts: Parts,
  model: LoadedModel,
  { ranges, agreements }: { ranges: Ranges; agreements: Readonly<Record<string, number>> },
): Promise<void> {
  const kept: Kept = {
    format: 'histoloop-eight-bit/1',
    modelSha256: model.version.sha256,
    ranges: [...ranges],
    agreement: agreements,
  };
  await writeWhole(pathOf(parts, model), new TextEncoder().encode(JSON.stringify(kept)));
}
