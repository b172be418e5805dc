/** The page that lies in every export: what is in it, where it came from, and how to check it. No times: equal masks give equal bytes. */
import type { FileRecord } from './export-file.ts';
import { MANIFEST_SCHEMA } from './export-folder.ts';
import { COORDINATES, classOfLabel, type NamedSlide } from './export-format.ts';
import { type ClassCounts, ORIGINS } from './export-slide.ts';
import type { ExportRequest } from './export-types.ts';

export interface ExportedSlide extends NamedSlide {
  readonly counts: ReadonlyMap<number, ClassCounts>;
}

export function manifestText(
  request: ExportRequest,
  slides: readonly ExportedSlide[],
  files: ReadonlyMap<string, FileRecord>,
): string {
  const manifest = {
    schema: MANIFEST_SCHEMA,
    tool: { name: 'Histoloop', version: request.toolVersion },
    include: request.include ?? 'effective',
    formats: [...new Set(request.formats)].sort(),
    coordinates: COORDINATES,
    labelPixels:
      'label tiles and pictures are in mask pixels (maskDownsample level-0 pixels wide); tiles are 512×512, named column_row',
    origins: Object.fromEntries(ORIGINS.map((name, value) => [value, name])),
    classes: request.classes.map(({ id, name, color }) => ({ id, name, color })),
    models: request.models.map(({ modelId, name, sha256 }) => ({ modelId, name, sha256 })),
    slides: slides.map((slide) => slideEntry(slide, request)),
    warnings: slides.flatMap((slide) => warningsOf(slide, request)),
    files: Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

function slideEntry({ slide, fileName, counts }: ExportedSlide, request: ExportRequest) {
  const { widthPx, heightPx, pixelSize } = slide.info;
  return {
    slideId: slide.slideId,
    name: slide.name,
    fileName,
    sha256: slide.sha256,
    widthPx,
    heightPx,
    maskDownsample: slide.maskDownsample,
    pixelSize: { xUm: pixelSize.xUm, yUm: pixelSize.yUm, source: pixelSize.source, warning: pixelSize.warning },
    predictionModelId: slide.predictionModelId,
    counts: [...counts]
      .sort(([a], [b]) => a - b)
      .map(([id, { objects, pixels }]) => ({
        class: id,
        name: classOfLabel(request.classes, id).name,
        objects: byOrigin(objects),
        maskPixels: byOrigin(pixels),
      })),
  };
}

function byOrigin(counts: readonly number[]): Record<string, number> {
  const named = [...ORIGINS, 'mixed'].map((name, i) => [name, counts[i] ?? 0] as const).slice(1, counts.length);
  return Object.fromEntries([...named, ['total', counts.reduce((sum, count) => sum + count, 0)]]);
}

function warningsOf({ slide, counts }: ExportedSlide, request: ExportRequest): string[] {
  const { pixelSize, widthPx, heightPx } = slide.info;
  const warnings: string[] = [];
  if (pixelSize.xUm === null || pixelSize.yUm === null) {
    warnings.push(
      `${slide.name}: the pixel size is unknown, so no length or area in micrometres follows from this export`,
    );
  }
  if (pixelSize.warning !== null) warnings.push(`${slide.name}: ${pixelSize.warning}`);
  if (request.formats.includes('coco') && widthPx * heightPx > 0xffffffff) {
    warnings.push(
      `${slide.name}: it has more than 2^32 pixels; tools that count COCO run lengths in 32 bits cannot read them`,
    );
  }
  for (const id of counts.keys()) {
    if (request.classes.some((known) => known.id === id)) continue;
    warnings.push(`${slide.name}: label ${id} belongs to no class of the project; it is exported as «Class ${id}»`);
  }
  return warnings;
}
