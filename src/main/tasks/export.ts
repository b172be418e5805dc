/** The export job: gives the data-set writer each slide's layers and where to write. */
import { readFile } from 'node:fs/promises';
import type { ExportFormat, JobResult } from '../../core/contract.ts';
import { assert, HistoloopError } from '../../core/errors.ts';
import type { Rect } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { decodeTile } from '../../core/mask/codec.ts';
import { exportProject } from '../dataset/export-project.ts';
import type { ExportSlide } from '../dataset/export-types.ts';
import type { JobContext } from '../jobs.ts';
import { resourcePath } from '../resources.ts';
import type { Store } from '../store/store-methods.ts';
import { predictedLayers, tilesMissing } from './layers.ts';
import type { Parts } from './parts.ts';
import { maskSize } from './predict.ts';

export interface ExportInput {
  readonly slideIds: readonly string[];
  readonly formats: readonly ExportFormat[];
  /** Absolute. */
  readonly folder: string;
}

/** The program's version, from the package description that ships beside `resources`. */
export async function toolVersion(): Promise<string> {
  const text = await readFile(resourcePath('..', 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Where edits arrive while a layer is read, it is read again: a few milliseconds, a gesture takes longer. */
const MOST_ATTEMPTS = 50;

interface Snapshot {
  /** Flat column, row … */
  readonly tiles: readonly number[];
  /** Run-length coded, by «column,row». */
  readonly codes: ReadonlyMap<string, Uint8Array | null>;
}

const NOTHING_PREDICTED: Snapshot = { tiles: [], codes: new Map() };

function unionOfTiles(a: readonly number[], b: readonly number[]): number[] {
  const tiles = new Map<string, [number, number]>();
  for (const list of [a, b]) {
    for (let i = 0; i < list.length; i += 2) tiles.set(`${list[i]},${list[i + 1]}`, [list[i]!, list[i + 1]!]);
  }
  return [...tiles.values()].flat();
}

/** The live model's predictions where it has any, else the newest; and what an older version predicted beyond them. */
async function chooseLayer(parts: Parts, slideId: string) {
  const { liveModelId } = await parts.store.project();
  const [chosen, ...others] = await predictedLayers(parts.store, slideId, liveModelId);
  if (!chosen) return { layer: null, leftOut: 0 };
  const beyond = others.map(({ tiles }) => tilesMissing(tiles, chosen.tiles).length / 2);
  return { layer: chosen.layer, leftOut: Math.max(0, ...beyond) };
}

/** A layer as it was at one moment, coded as stored. Errors: `conflict` where it never stands still. */
async function snapshot(store: Store, layerId: number): Promise<Snapshot> {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const [{ revision }, tiles] = await Promise.all([store.layer(layerId), store.tiles(layerId)]);
    const places = Array.from({ length: tiles.length / 2 }, (_, i) => [tiles[2 * i]!, tiles[2 * i + 1]!] as const);
    const reading = places.map(([column, row]) => store.tile(layerId, column, row));
    const [after, ...codes] = await Promise.all([store.layer(layerId), ...reading]);
    if (after.revision !== revision) continue;
    return { tiles, codes: new Map(places.map(([column, row], i) => [`${column},${row}`, codes[i] ?? null])) };
  }
  throw new HistoloopError('conflict', 'the mask changes all the time; export again when nobody edits or predicts');
}

/** Labels of a rectangle that lies within one mask tile: all that the data-set writer asks for. */
function readFrom({ codes }: Snapshot, { x, y, width, height }: Rect): Uint8Array {
  const labels = new Uint8Array(width * height);
  const [column, row] = [Math.floor(x / MASK_TILE_PX), Math.floor(y / MASK_TILE_PX)];
  const [left, top] = [x - column * MASK_TILE_PX, y - row * MASK_TILE_PX];
  assert(left + width <= MASK_TILE_PX && top + height <= MASK_TILE_PX, 'an export reads tile by tile');
  const code = codes.get(`${column},${row}`);
  if (!code) return labels;
  const tile = decodeTile(code, MASK_TILE_PX ** 2);
  for (let line = 0; line < height; line++) {
    const from = (top + line) * MASK_TILE_PX + left;
    labels.set(tile.subarray(from, from + width), line * width);
  }
  return labels;
}

async function exportSlide(parts: Parts, slideId: string, say: (message: string) => void): Promise<ExportSlide> {
  const entry = await parts.shelf.open(slideId);
  const { layer, leftOut } = await chooseLayer(parts, slideId);
  if (leftOut > 0) {
    say(
      `${entry.row.name}: ${leftOut} mask tiles that an older version predicted are left out; predict again to have them`,
    );
  }
  const size = maskSize(entry);
  const human = await snapshot(parts.store, entry.row.humanLayerId);
  const predicted = layer ? await snapshot(parts.store, layer.layerId) : NOTHING_PREDICTED;
  return {
    slideId,
    name: entry.row.name,
    sha256: entry.row.sha256,
    info: entry.info,
    maskDownsample: entry.row.maskDownsample,
    maskWidthPx: size.width,
    maskHeightPx: size.height,
    readHuman: async (maskRect) => readFrom(human, maskRect),
    readPrediction: async (maskRect) => readFrom(predicted, maskRect),
    tiles: unionOfTiles(human.tiles, predicted.tiles),
    predictionModelId: layer?.modelId ?? null,
  };
}

export async function runExport(parts: Parts, input: ExportInput, job: JobContext): Promise<JobResult> {
  const project = await parts.store.project();
  const slides: ExportSlide[] = [];
  for (const slideId of new Set(input.slideIds)) slides.push(await exportSlide(parts, slideId, job.say));
  const models = (await parts.library.list()).map(({ modelId, name, sha256 }) => ({ modelId, name, sha256 }));
  const used = new Set(slides.map((slide) => slide.predictionModelId));
  const result = await exportProject({
    slides,
    classes: project.classes,
    models: models.filter((model) => used.has(model.modelId)),
    formats: input.formats,
    folder: input.folder,
    toolVersion: await toolVersion(),
    onProgress: (done, total) => job.progress(done, total, 'tiles'),
    signal: job.signal,
  });
  return { kind: 'export', folder: result.folder, files: result.files };
}
