/** The store's methods on one open project file, synchronous: they run in the database thread (or directly in a test). */
import { blockMethods } from './blocks.ts';
import { editMethods } from './edits.ts';
import { historyMethods } from './history.ts';
import { jobMethods } from './job-records.ts';
import { layerMethods } from './layers.ts';
import { maskMethods } from './masks.ts';
import { modelMethods } from './models.ts';
import { type OpenOptions, openDatabase } from './open-database.ts';
import { predictionMethods } from './predictions.ts';
import { projectMethods } from './project.ts';
import { slideMethods } from './slides.ts';
import type { Sql } from './sql.ts';
import type { StoreMethods } from './store-methods.ts';

export interface ProjectDatabase {
  readonly methods: StoreMethods;
  readonly sql: Sql;
  readonly readOnly: boolean;
  close(): void;
}

/** Errors: see open-database. */
export function openProjectDatabase(folder: string, options: OpenOptions = {}, now = systemTime): ProjectDatabase {
  const { sql, readOnly, close } = openDatabase(folder, options);
  const context = { sql, now };
  const methods: StoreMethods = {
    ...projectMethods(context),
    ...slideMethods(context),
    ...layerMethods(context),
    ...editMethods(context),
    ...historyMethods(context),
    ...maskMethods(context),
    ...predictionMethods(context),
    ...blockMethods(context),
    ...modelMethods(context),
    ...jobMethods(context),
  };
  return { methods, sql, readOnly, close };
}

function systemTime(): string {
  return new Date().toISOString();
}
