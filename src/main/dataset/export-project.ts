/**
 * Writes masks of a project as files that other tools read, with a manifest, whole or not at all; the same masks give the
 * same bytes. Knows nothing of the store: it is handed readers.
 */
import { throwIfCancelled } from '../../core/cancel.ts';
import type { ExportFormat } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import { cocoFormat } from './coco-writer.ts';
import { toDiskError } from './disk-errors.ts';
import { createExportFiles, type ExportFiles } from './export-file.ts';
import { MANIFEST_NAME, type StagedFolder, stageFolder } from './export-folder.ts';
import type { FormatContext, FormatWriter, NamedSlide } from './export-format.ts';
import { type SlideWriter, sweepSlide } from './export-slide.ts';
import type { ExportRequest, ExportResult } from './export-types.ts';
import { geoJsonFormat } from './geojson-writer.ts';
import { labelPngFormat } from './label-png-writer.ts';
import { labelTiffFormat } from './label-tiff-writer.ts';
import { type ExportedSlide, manifestText } from './manifest.ts';
import { distinctNames } from './safe-names.ts';

const FORMATS: Readonly<Record<ExportFormat, (context: FormatContext) => FormatWriter>> = {
  geojson: geoJsonFormat,
  'label-png': labelPngFormat,
  'label-tiff': labelTiffFormat,
  coco: cocoFormat,
};

/**
 * Errors: `conflict` (something else lies in the folder), `disk-full`, `disk-read-only`, `cancelled`, `bad-input`; after
 * any of them the folder is as it was before.
 */
export async function exportProject(request: ExportRequest): Promise<ExportResult> {
  requireSomething(request);
  let staged: StagedFolder | null = null;
  let files: ExportFiles | null = null;
  try {
    staged = await stageFolder(request.folder);
    files = createExportFiles(staged.path);
    await writeAll(request, files);
    throwIfCancelled(request.signal);
    await staged.publish();
    return { folder: request.folder, files: [...files.records.keys()].sort() };
  } catch (error) {
    await files?.abandon().catch(() => {});
    await staged?.discard().catch(() => {});
    throw toDiskError(error, request.folder);
  }
}

function requireSomething({ slides, formats }: ExportRequest): void {
  if (slides.length === 0) throw new HistoloopError('bad-input', 'no slide was chosen to export; choose at least one');
  const unknown = formats.find((format) => !Object.hasOwn(FORMATS, format));
  if (formats.length === 0 || unknown !== undefined) {
    const known = Object.keys(FORMATS).join(', ');
    throw new HistoloopError('bad-input', `«${unknown ?? 'none'}» is no export format; choose from ${known}`);
  }
}

async function writeAll(request: ExportRequest, files: ExportFiles): Promise<void> {
  const slides = namedSlides(request);
  const context = { files, slides, classes: request.classes, toolVersion: request.toolVersion };
  const wanted = new Set(request.formats);
  const formats = (Object.keys(FORMATS) as ExportFormat[]).filter((name) => wanted.has(name));
  const writers = formats.map((name) => FORMATS[name](context));
  const total = slides.reduce((sum, { slide }) => sum + slide.tiles.length / 2, 0);
  let done = 0;
  const exported: ExportedSlide[] = [];
  for (const named of slides) {
    const slideWriters: SlideWriter[] = [];
    for (const writer of writers) slideWriters.push(await writer.slide(named));
    const counts = await sweepSlide(named.slide, {
      humanOnly: request.include === 'human-only',
      writers: slideWriters,
      signal: request.signal,
      onTile: () => request.onProgress?.(++done, total),
    });
    for (const writer of slideWriters) await writer.finish();
    exported.push({ ...named, counts });
  }
  for (const writer of writers) await writer.finish();
  await files.put(MANIFEST_NAME, manifestText(request, exported, files.records));
}

/** In an order that does not depend on who asked: by name, then id. */
function namedSlides({ slides }: ExportRequest): NamedSlide[] {
  const ordered = slides.toSorted((a, b) => compare(a.name, b.name) || compare(a.slideId, b.slideId));
  const names = distinctNames(ordered.map(({ name }) => name));
  return ordered.map((slide, i) => ({ slide, fileName: names[i]! }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
