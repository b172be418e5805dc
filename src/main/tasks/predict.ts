/** The prediction job: tissue tiles of a slide or a region, in the model's layer, resumed where an earlier run stopped. */
import type { JobResult } from '../../core/contract.ts';
import { isHistoloopError } from '../../core/errors.ts';
import { intersectRect, type Rect, scaleRectOut, tilesOf } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { predictTiles } from '../../core/learn/predict.ts';
import type { PredictedTile } from '../../core/learn/predict-options.ts';
import { detectTissue, tissueTiles } from '../../core/learn/tissue.ts';
import type { JobContext } from '../jobs.ts';
import type { OpenSlideEntry } from '../slide-shelf.ts';
import { eightBitNetwork } from './eight-bit.ts';
import { tilesMissing } from './layers.ts';
import { type Parts, scaleFor } from './parts.ts';

export interface PredictInput {
  readonly slideId: string;
  /** Level-0 pixels; null: the whole slide. */
  readonly region: Rect | null;
  readonly modelId: string;
  /** Exactly these mask tiles, flat column, row …, instead of a region: what an earlier version had predicted. */
  readonly tiles: readonly number[] | null;
  /** The model in 8 bits (`eight-bit.ts`); default false. */
  readonly eightBit?: boolean;
}

/** Edge of the picture that tissue is looked for in: 16 µm a pixel on a 3 cm slide. */
const OVERVIEW_PX = 2048;
/** Tiles stored in one transaction: few enough that a kill loses seconds of work. */
const STORE_EVERY = 4;

export function maskSize(entry: OpenSlideEntry): { width: number; height: number } {
  const { widthPx, heightPx, maskDownsample } = entry.row;
  return { width: Math.ceil(widthPx / maskDownsample), height: Math.ceil(heightPx / maskDownsample) };
}

function tilesInRegion(entry: OpenSlideEntry, region: Rect): number[] {
  const { width, height } = maskSize(entry);
  const maskRect = intersectRect(scaleRectOut(region, entry.row.maskDownsample), { x: 0, y: 0, width, height });
  const { x0, y0, x1, y1 } = tilesOf(maskRect, MASK_TILE_PX);
  const tiles: number[] = [];
  for (let row = y0; row < y1; row++) for (let column = x0; column < x1; column++) tiles.push(column, row);
  return tiles;
}

/** Tissue and glass tiles of the whole slide, found on a low-power picture. */
export async function tissueTilesOf(entry: OpenSlideEntry, signal: AbortSignal) {
  const { widthPx, heightPx } = entry.row;
  const shrink = Math.max(1, Math.max(widthPx, heightPx) / OVERVIEW_PX);
  const [width, height] = [Math.max(1, Math.round(widthPx / shrink)), Math.max(1, Math.round(heightPx / shrink))];
  const overview = await entry.slide.region({ x: 0, y: 0, width: widthPx, height: heightPx }, width, height, signal);
  const size = maskSize(entry);
  return tissueTiles(detectTissue(overview), size.width, size.height);
}

/** Stores tiles in small transactions and tells the windows. */
function createSink(parts: Parts, slideId: string, layerId: number) {
  let waiting: { column: number; row: number; labels: Uint8Array | null }[] = [];
  const flush = async () => {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    const revision = await parts.store.putPrediction(layerId, batch);
    const tiles = batch.filter((tile) => tile.labels !== null).flatMap((tile) => [tile.column, tile.row]);
    if (tiles.length === 0) return;
    parts.events.emit({ kind: 'mask.changed', slideId, layerId, revision, tiles, requestId: null });
  };
  return {
    flush,
    async put(tile: { column: number; row: number; labels: Uint8Array | null }) {
      waiting.push(tile);
      if (waiting.length >= STORE_EVERY) await flush();
    },
    async glass(tiles: readonly number[]) {
      for (let i = 0; i < tiles.length; i += 2) waiting.push({ column: tiles[i]!, row: tiles[i + 1]!, labels: null });
      await flush();
    },
  };
}

/** Predicts what is missing; where the engine's process dies under it, once more with a fresh one (finished tiles stay). */
export async function runPredict(parts: Parts, input: PredictInput, job: JobContext): Promise<JobResult> {
  try {
    return await predictMissing(parts, input, job);
  } catch (error) {
    if (!isHistoloopError(error) || error.code !== 'engine-died') throw error;
    await parts.library.close();
    return predictMissing(parts, input, job);
  }
}

/** What is asked for; where nothing is, all tissue, and the glass beside it. Flat column, row … */
async function tilesWanted(entry: OpenSlideEntry, { tiles, region }: PredictInput, job: JobContext) {
  if (tiles !== null) return { wanted: tiles, glass: [] };
  if (region !== null) return { wanted: tilesInRegion(entry, region), glass: [] };
  job.say('looking for tissue');
  const { tissue, glass } = await tissueTilesOf(entry, job.signal);
  return { wanted: tissue, glass };
}

async function predictMissing(parts: Parts, input: PredictInput, job: JobContext): Promise<JobResult> {
  const entry = await parts.shelf.open(input.slideId);
  const model = await parts.library.load(input.modelId);
  const scale = scaleFor(model.card, entry);
  const known = (await parts.store.layersOf(input.slideId)).some((layer) => layer.modelId === input.modelId);
  const layer = await parts.store.predictionLayer(input.slideId, input.modelId);
  if (!known) parts.events.emit({ kind: 'project.changed' });
  const sink = createSink(parts, input.slideId, layer.layerId);
  const done = await parts.store.predictedTiles(layer.layerId);

  const { wanted, glass } = await tilesWanted(entry, input, job);
  await sink.glass(tilesMissing(glass, done));
  const todo = tilesMissing(wanted, done);
  const already = (wanted.length - todo.length) / 2;
  job.say(scale === 1 && entry.info.pixelSize.xUm === null ? 'pixel size unknown: predicting at the file’s own' : '');

  let finished = already;
  const total = wanted.length / 2;
  job.progress(finished, total, 'tiles', already);
  const onTile = async (tile: PredictedTile) => {
    await sink.put(tile);
    finished += 1;
    job.progress(finished, total, 'tiles', already);
  };
  const network =
    input.eightBit && todo.length > 0
      ? await eightBitNetwork(parts, { model, entry, scale, tiles: todo }, job)
      : await parts.library.network(model);
  const size = maskSize(entry);
  try {
    await predictTiles({
      network,
      card: model.card,
      source: (slideRect, width, height) => entry.slide.region(slideRect, width, height, job.signal),
      tiles: todo,
      maskDownsample: entry.row.maskDownsample,
      maskWidthPx: size.width,
      maskHeightPx: size.height,
      modelPixelsPerMaskPixel: scale,
      classIds: model.classIds,
      onTile,
      signal: job.signal,
    });
  } finally {
    await sink.flush();
  }
  return { kind: 'predict', layerId: layer.layerId, tiles: total, skippedAsGlass: glass.length / 2 };
}
