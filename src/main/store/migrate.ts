/** Brings a project file to the newest format, one transaction a step, keeping a copy of what was there. */
import { existsSync } from 'node:fs';
import type { Database } from 'better-sqlite3';

/**
 * Runs the migrations that the file has not seen. Before the first one of an older project, a copy is laid beside the file
 * (`….before-format-2`). A step that fails leaves the file at the step before it.
 */
export function migrate(database: Database, path: string, migrations: readonly string[]): void {
  const format = Number(database.pragma('user_version', { simple: true }));
  if (format >= migrations.length) return;
  const copy = `${path}.before-format-${migrations.length}`;
  if (format > 0 && !existsSync(copy)) database.prepare('VACUUM INTO ?').run(copy);
  for (let step = format; step < migrations.length; step++) {
    const run = database.transaction(() => {
      database.exec(migrations[step]!);
      database.pragma(`user_version = ${step + 1}`);
    });
    run.exclusive();
  }
}
