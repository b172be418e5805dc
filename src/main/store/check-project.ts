/** Whether a file is a Histoloop project, whole, and of a format this program knows. Reads only. */
import { existsSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { HistoloopError } from '../../core/errors.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';

/** A file up to this size is checked through at each opening; larger ones would keep a person waiting. */
const CHECKED_BYTES = 64 * 2 ** 20;

/** `begin` takes the lock that the caller wants to hold meanwhile. Returns the format. Errors: `store-damaged`, `store-newer`. */
export function checkProject(database: Database.Database, path: string, begin: 'BEGIN' | 'BEGIN EXCLUSIVE'): number {
  try {
    database.exec(begin);
    const owner = database.pragma('application_id', { simple: true });
    if (owner !== APPLICATION_ID) throw damaged(path, 'is a SQLite database but not a Histoloop project');
    const format = Number(database.pragma('user_version', { simple: true }));
    if (format > MIGRATIONS.length) throw newer(path, format);
    const problem = statSync(path).size > CHECKED_BYTES ? 'ok' : database.pragma('quick_check(1)', { simple: true });
    if (problem !== 'ok') throw damaged(path, `is damaged (${String(problem)})`);
    database.exec('COMMIT');
    return format;
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : '';
    if (code === 'SQLITE_NOTADB') throw damaged(path, 'is no Histoloop project, or its beginning is damaged', error);
    if (code.startsWith('SQLITE_CORRUPT')) throw damaged(path, 'is damaged or cut short', error);
    throw error;
  }
}

/** Edits that still lie in a WAL file move into the main file even where that one is damaged, so only without one it is untouched. */
function damaged(path: string, reason: string, cause?: unknown): HistoloopError {
  const untouched = existsSync(`${path}-wal`) ? '' : '; the file was not changed';
  const sentence = `${path} ${reason}${untouched}. Restore a copy of it, or choose another folder.`;
  return new HistoloopError('store-damaged', sentence, { cause, data: { path } });
}

function newer(path: string, format: number): HistoloopError {
  const sentence = `${path} was made by a newer Histoloop (format ${format}, this one knows ${MIGRATIONS.length}); the file was not changed. Install the newer version to open it.`;
  return new HistoloopError('store-newer', sentence, { data: { path, format, known: MIGRATIONS.length } });
}
