/** A new, empty project file: made aside and put in place whole, so that a crash never leaves half of one. */
import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { HistoloopError } from '../../core/errors.ts';
import { DEFAULT_CLASSES } from '../../core/label.ts';
import { migrate } from './migrate.ts';
import { APPLICATION_ID, MIGRATIONS } from './schema.ts';
import { tagged } from './sql.ts';

export interface NewProject {
  readonly name?: string | undefined;
  readonly user?: string | undefined;
}

/** Makes the folder too. Where another process was faster its file stays. Errors: `disk-read-only`, `disk-full`, `bad-input`. */
export function createProjectFile(path: string, { name, user }: NewProject): void {
  const folder = dirname(resolve(path));
  inFolder(folder, () => mkdirSync(folder, { recursive: true }));
  const aside = `${path}.new-${randomUUID()}`;
  try {
    inFolder(folder, () => {
      const database = tagged(path, () => new Database(aside));
      try {
        tagged(path, () => fillProject(database, aside, name ?? basename(folder), user ?? userName()));
      } finally {
        database.close();
      }
      putInPlace(aside, path);
    });
  } finally {
    rmSync(aside, { force: true });
    rmSync(`${aside}-journal`, { force: true });
  }
}

function fillProject(database: Database.Database, path: string, name: string, user: string): void {
  database.pragma('synchronous = FULL');
  database.pragma(`application_id = ${APPLICATION_ID}`);
  migrate(database, path, MIGRATIONS);
  database
    .prepare('INSERT INTO project (id, project_id, name, user, created_at) VALUES (1, ?, ?, ?, ?)')
    .run(randomUUID(), name, user, new Date().toISOString());
  const insertClass = database.prepare('INSERT INTO label_class (id, name, color) VALUES (?, ?, ?)');
  for (const { id, name: className, color } of DEFAULT_CLASSES) insertClass.run(id, className, color);
}

/** A hard link never replaces a file that has come meanwhile; disks without hard links get a copy under the same rule. */
function putInPlace(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    try {
      copyFileSync(aside, path, constants.COPYFILE_EXCL);
    } catch (copyError) {
      if (errorCode(copyError) !== 'EEXIST') throw copyError;
    }
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

function inFolder(folder: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw folderProblem(folder, error);
  }
}

function folderProblem(folder: string, error: unknown): unknown {
  switch (errorCode(error)) {
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
    case 'SQLITE_CANTOPEN':
      return new HistoloopError('disk-read-only', `a project cannot be made in ${folder}: it may not be written`, {
        cause: error,
      });
    case 'ENOSPC':
      return new HistoloopError('disk-full', `a project cannot be made in ${folder}: the disk is full`, {
        cause: error,
      });
    case 'EEXIST':
    case 'ENOTDIR':
      return new HistoloopError('bad-input', `${folder} is a file; choose a folder for the project`, { cause: error });
    default:
      return error;
  }
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
