/** What every noun of the store works with. */
import type { Sql } from './sql.ts';

export interface ProjectContext {
  readonly sql: Sql;
  /** ISO time for records. Order is always by id: a clock may jump back. */
  now(): string;
}
