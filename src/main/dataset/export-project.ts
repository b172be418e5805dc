/** Writes masks of a project as files that other tools read. Knows nothing of the store: it is handed readers. */
import { HistoloopError } from '../../core/errors.ts';
import type { ExportRequest, ExportResult } from './export-types.ts';

export async function exportProject(request: ExportRequest): Promise<ExportResult> {
  throw new HistoloopError('internal', `export to ${request.folder} is not written yet`);
}
