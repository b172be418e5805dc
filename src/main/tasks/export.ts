/** The export job: gives the data-set writer each slide's layers and where to write. */
import { readFile } from 'node:fs/promises';
import type { ExportFormat, JobResult } from '../../core/contract.ts';
import { exportProject } from '../dataset/export-project.ts';
import type { ExportSlide } from '../dataset/export-types.ts';
import type { JobContext } from '../jobs.ts';
import { resourcePath } from '../resources.ts';
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

function unionOfTiles(a: readonly number[], b: readonly number[]): number[] {
  const tiles = new Map<string, [number, number]>();
  for (const list of [a, b]) {
    for (let i = 0; i < list.length; i += 2) tiles.set(`${list[i]},${list[i + 1]}`, [list[i]!, list[i + 1]!]);
  }
  return [...tiles.values()].flat();
}

/** The live model's prediction where the slide has one, else the newest. */
async function chooseLayer(parts: Parts, slideId: string) {
  const { liveModelId } = await parts.store.project();
  const layers = (await parts.store.layersOf(slideId)).filter((layer) => layer.kind === 'prediction');
  return layers.find((layer) => layer.modelId === liveModelId) ?? layers.at(-1) ?? null;
}

async function exportSlide(parts: Parts, slideId: string): Promise<ExportSlide> {
  const entry = await parts.shelf.open(slideId);
  const layer = await chooseLayer(parts, slideId);
  const size = maskSize(entry);
  const { humanLayerId } = entry.row;
  const predicted = layer ? await parts.store.tiles(layer.layerId) : [];
  return {
    slideId,
    name: entry.row.name,
    sha256: entry.row.sha256,
    info: entry.info,
    maskDownsample: entry.row.maskDownsample,
    maskWidthPx: size.width,
    maskHeightPx: size.height,
    readHuman: (maskRect) => parts.store.readLabels(humanLayerId, maskRect),
    readPrediction: async (maskRect) =>
      layer ? parts.store.readLabels(layer.layerId, maskRect) : new Uint8Array(maskRect.width * maskRect.height),
    tiles: unionOfTiles(await parts.store.tiles(humanLayerId), predicted),
    predictionModelId: layer?.modelId ?? null,
  };
}

export async function runExport(parts: Parts, input: ExportInput, job: JobContext): Promise<JobResult> {
  const project = await parts.store.project();
  const slides: ExportSlide[] = [];
  for (const slideId of input.slideIds) slides.push(await exportSlide(parts, slideId));
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
