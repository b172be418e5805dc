/** Lays a mask that was made elsewhere (GeoJSON or a label image) over a slide's human layer, as one undoable edit. */
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { EditResult, ImportInput } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import type { LabelClass } from '../../core/label.ts';
import { type ImportedLabels, type LabelTarget, labelImageToTiles, readGeoJsonLabels } from '../dataset/read-labels.ts';
import { readLabelImage } from '../slide/image-codec.ts';
import type { OpenSlideEntry } from '../slide-shelf.ts';
import type { Parts } from './parts.ts';

/** Parsing holds up everything else meanwhile, about a second for this much. */
const LARGEST_GEOJSON_BYTES = 256 * 2 ** 20;

async function readText(path: string): Promise<Uint8Array> {
  const found = await stat(path).catch(() => null);
  if (found && found.size > LARGEST_GEOJSON_BYTES) {
    const megabytes = Math.round(found.size / 2 ** 20);
    throw new HistoloopError('bad-input', `${path} has ${megabytes} MB; import at most 256 MB at once, in parts`);
  }
  return readFile(path).catch((cause) => {
    const message = `${path} cannot be read; choose a GeoJSON file that you may read`;
    throw new HistoloopError('file-unreadable', message, { cause });
  });
}

/** Errors: `bad-input`, `file-unreadable`, each with what to do. */
export async function readFileLabels(path: string, target: LabelTarget): Promise<ImportedLabels> {
  if (/^\.(geo)?json$/i.test(extname(path))) return readGeoJsonLabels(await readText(path), target);
  return labelImageToTiles(await readLabelImage(path), target);
}

export function targetOf(
  entry: OpenSlideEntry,
  classes: readonly LabelClass[],
  mapping: LabelTarget['mapping'],
): LabelTarget {
  const { widthPx, heightPx, maskDownsample } = entry.row;
  return { widthPx, heightPx, maskDownsample, classes, mapping };
}

export async function importFile(parts: Parts, input: ImportInput): Promise<EditResult> {
  const entry = await parts.shelf.open(input.slideId);
  const { classes, user } = await parts.store.project();
  const target = targetOf(entry, classes, input.classes);
  const { tiles } = await readFileLabels(input.path, target);
  const record = { layerId: entry.row.humanLayerId, requestId: input.requestId, tool: 'import', user, modelId: null };
  return parts.store.importLabels(record, tiles);
}
