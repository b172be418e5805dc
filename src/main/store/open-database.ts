/**
 * Opening the project file: that it is there, may be written, is ours and whole (check-project), and that nobody else has
 * it. Nothing is written to a file that fails a check. It knows no rows.
 *
 * While open the file is in WAL mode and locked for this process alone (the system drops the lock when a process dies).
 * A clean close leaves one plain file, which opens from a read-only disk too.
 */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { HistoloopError } from '../../core/errors.ts';
import { checkProject } from './check-project.ts';
import { createProjectFile } from './create-project-file.ts';
import type { OpenDatabase } from './database-handle.ts';
import { migrate } from './migrate.ts';
import { openReadOnly } from './open-read-only.ts';
import { MIGRATIONS } from './schema.ts';
import { createSql, tagged } from './sql.ts';

export const PROJECT_FILE = 'project.sqlite';
const LOCK_WAIT_MS = 1000;
const WAL_BYTES_KEPT = 64 * 2 ** 20;

export interface OpenOptions {
  /** Reads only, and works on read-only disks. */
  readonly readOnly?: boolean;
  /** Makes the folder and an empty project where there is none; the default unless `readOnly`. */
  readonly createIfMissing?: boolean;
  /** For a new project: its name (default: the folder's) and the person who signs corrections (default: the system's user). */
  readonly name?: string;
  readonly user?: string;
  /** For tests of a full disk: the most 4096-byte pages that the file may take. */
  readonly maxPages?: number;
}

/** Errors: `file-missing`, `store-locked`, `store-newer`, `store-damaged`, `disk-read-only`, `disk-full`, `file-unreadable`. */
export function openDatabase(folder: string, options: OpenOptions = {}): OpenDatabase {
  const path = join(folder, PROJECT_FILE);
  const readOnly = options.readOnly ?? false;
  if (!existsSync(path)) {
    if (!(options.createIfMissing ?? !readOnly)) {
      throw new HistoloopError(
        'file-missing',
        `there is no Histoloop project in ${folder} (no ${PROJECT_FILE}); choose another folder`,
      );
    }
    createProjectFile(path, options);
  }
  if (!statSync(path).isFile()) throw new HistoloopError('store-damaged', `${path} is no file; choose another folder`);
  if (readOnly) return openReadOnly(path);
  requireWritable(folder, path);
  return openForWriting(path, options.maxPages);
}

function openForWriting(path: string, maxPages: number | undefined): OpenDatabase {
  const database = tagged(path, () => new Database(path, { fileMustExist: true, timeout: LOCK_WAIT_MS }));
  try {
    tagged(path, () => {
      database.pragma('locking_mode = EXCLUSIVE');
      checkProject(database, path, 'BEGIN EXCLUSIVE');
      database.pragma('journal_mode = WAL');
      database.pragma('synchronous = FULL');
      database.pragma('foreign_keys = ON');
      database.pragma(`journal_size_limit = ${WAL_BYTES_KEPT}`);
      migrate(database, path, MIGRATIONS);
      if (maxPages !== undefined) database.pragma(`max_page_count = ${maxPages}`);
    });
  } catch (error) {
    database.close();
    throw error;
  }
  return { database, sql: createSql(database, path), readOnly: false, close: () => closeWritten(database) };
}

/** Leaves one file in rollback mode; where a full disk refuses that, the WAL stays beside it and the next opening goes on from there. */
function closeWritten(database: Database.Database): void {
  try {
    database.pragma('journal_mode = DELETE');
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
  } finally {
    database.close();
  }
}

/** SQLite itself would say that the file is locked, or only fail at the first edit. */
function requireWritable(folder: string, path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const sentence = `the project in ${folder} may not be written; open it read-only, or copy it to a disk that can be written`;
    throw new HistoloopError('disk-read-only', sentence, { cause, data: { path } });
  }
}
