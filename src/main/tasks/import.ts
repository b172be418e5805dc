/** Lays a mask that was made elsewhere (GeoJSON or a label image) over a slide's human layer, as one undoable edit. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { EditResult, ImportInput } from '../../core/contract.ts';
import type { LabelClass } from '../../core/label.ts';
import { type ImportedLabels, type LabelTarget, labelImageToTiles, readGeoJsonLabels } from '../dataset/read-labels.ts';
import { readLabelImage } from '../slide/image-codec.ts';
import type { OpenSlideEntry } from '../slide-shelf.ts';
import type { Parts } from './parts.ts';

/** Errors: `bad-input`, `file-unreadable`, each with what to do. */
export async function readFileLabels(path: string, target: LabelTarget): Promise<ImportedLabels> {
  if (/^\.(geo)?json$/i.test(extname(path))) return readGeoJsonLabels(await readFile(path), target);
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
