/** An open project file, however it was opened. */
import type { Database } from 'better-sqlite3';
import type { Sql } from './sql.ts';

export interface OpenDatabase {
  readonly database: Database;
  readonly sql: Sql;
  readonly readOnly: boolean;
  close(): void;
}
