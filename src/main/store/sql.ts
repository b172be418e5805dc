/** A typed, cached `prepare` over one database handle, and the words in which SQLite's refusals reach people. */
import type { Database, RunResult, Statement } from 'better-sqlite3';
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';

export type Value = string | number | Uint8Array | null;

export interface Sql {
  /** The first row, or undefined. Row types are promises of the statement's own column names. */
  get<Row>(text: string, ...values: Value[]): Row | undefined;
  all<Row>(text: string, ...values: Value[]): Row[];
  run(text: string, ...values: Value[]): RunResult;
  /** All or nothing, on disk when it returns. Not to be nested. */
  transaction<Result>(work: () => Result): Result;
}

/** `path` is named in errors. Every error that leaves is tagged. */
export function createSql(database: Database, path: string): Sql {
  const statements = new Map<string, Statement>();
  const prepare = (text: string): Statement => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    const made = database.prepare(text);
    statements.set(text, made);
    return made;
  };
  return {
    get: <Row>(text: string, ...values: Value[]) => tagged(path, () => prepare(text).get(...values) as Row | undefined),
    all: <Row>(text: string, ...values: Value[]) => tagged(path, () => prepare(text).all(...values) as Row[]),
    run: (text, ...values) => tagged(path, () => prepare(text).run(...values)),
    transaction: (work) => tagged(path, () => database.transaction(work).immediate()),
  };
}

/** Runs work on the database at `path` and turns SQLite's refusals into tagged errors. */
export function tagged<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw isHistoloopError(error) ? error : fromSqlite(error, path);
  }
}

function fromSqlite(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  const because = { cause: error, data: { path, sqlite: code } };
  if (code === 'SQLITE_FULL') {
    const sentence = `no room to save in ${path}: this change was not saved, all earlier ones are; free some disk space and repeat it`;
    return new HistoloopError('disk-full', sentence, because);
  }
  if (code.startsWith('SQLITE_READONLY')) {
    return new HistoloopError(
      'disk-read-only',
      `${path} cannot be written: it was opened read-only or the disk is`,
      because,
    );
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new HistoloopError('store-locked', lockedSentence(path), because);
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return new HistoloopError('store-damaged', `${path} is damaged (${String(error)}); restore a copy of it`, because);
  }
  if (code.startsWith('SQLITE_IOERR') || code === 'SQLITE_CANTOPEN') {
    return new HistoloopError(
      'file-unreadable',
      `the disk failed at ${path} (${code}); check the disk and its cable`,
      because,
    );
  }
  return error;
}

export function lockedSentence(path: string): string {
  return `another Histoloop has this project open (${path}); close it there first, or open it read-only after that`;
}

function sqliteCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}
