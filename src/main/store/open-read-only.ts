/**
 * Opening a project to look, never to write: also from a read-only disk. Where a crash left edits in a WAL file, or the
 * format is older, SQLite would have to write to read it; then a copy in the system's temporary folder is read instead.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import { checkProject } from './check-project.ts';
import type { OpenDatabase } from './database-handle.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './schema.ts';
import { createSql, tagged } from './sql.ts';

const LOCK_WAIT_MS = 1000;

/** Errors: `store-locked`, `store-newer`, `store-damaged`, `file-unreadable`. */
export function openReadOnly(path: string): OpenDatabase {
  return (existsSync(`${path}-wal`) ? null : openInPlace(path)) ?? openCopy(path);
}

function openInPlace(path: string): OpenDatabase | null {
  const database = tagged(
    path,
    () => new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS }),
  );
  try {
    const format = tagged(path, () => checkProject(database, path, 'BEGIN'));
    if (format === MIGRATIONS.length) return opened(database, path, () => database.close());
    database.close();
    return null;
  } catch (error) {
    database.close();
    throw error;
  }
}

function openCopy(path: string): OpenDatabase {
  requireUnlocked(path);
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-read-only-'));
  const copy = join(folder, basename(path));
  let database: Database.Database | null = null;
  const close = () => {
    database?.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    copyFileSync(path, copy);
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
    const opening = new Database(copy);
    database = opening;
    tagged(path, () => {
      checkProject(opening, path, 'BEGIN EXCLUSIVE');
      migrate(opening, copy, MIGRATIONS);
      opening.pragma('query_only = ON');
    });
    return opened(opening, path, close);
  } catch (error) {
    close();
    throw error;
  }
}

/** A live writer's WAL must not be read from beside it. What else may go wrong here does so on the copy, too. */
function requireUnlocked(path: string): void {
  const database = tagged(
    path,
    () => new Database(path, { readonly: true, fileMustExist: true, timeout: LOCK_WAIT_MS }),
  );
  try {
    database.pragma('user_version');
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) tagged(path, () => raise(error));
  } finally {
    database.close();
  }
}

function raise(error: Error): never {
  throw error;
}

function opened(database: Database.Database, path: string, close: () => void): OpenDatabase {
  return { database, sql: createSql(database, path), readOnly: true, close };
}
