/**
 * Opens a project in a process of its own and prints one line of JSON: what it found, or the error.
 * `open-project.ts FOLDER [--read-only] [--unprivileged] [--hold]`; `--hold` keeps it open until it is killed,
 * `--unprivileged` gives up root's right to write anywhere before it opens.
 */
import { mkdtempSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { toPlainError } from '../../src/core/errors.ts';
import { openProjectDatabase } from '../../src/main/store/project-database.ts';

const NOBODY = 65534;

function loadNativeCode(): void {
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-open-'));
  openProjectDatabase(folder).close();
  rmSync(folder, { recursive: true });
}

function open(folder: string, readOnly: boolean, hold: boolean): object {
  try {
    const project = openProjectDatabase(folder, { readOnly, createIfMissing: false });
    const slides = project.methods.slides();
    const found = {
      readOnly: project.readOnly,
      tiles: slides.map((slide) => project.methods.tiles(slide.humanLayerId)),
    };
    if (hold) setInterval(() => project.methods.project(), 1000);
    else project.close();
    return found;
  } catch (error) {
    return toPlainError(error);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'read-only': { type: 'boolean' }, unprivileged: { type: 'boolean' }, hold: { type: 'boolean' } },
});
if (values.unprivileged && process.getuid?.() === 0) {
  loadNativeCode();
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}
writeSync(1, `${JSON.stringify(open(positionals[0]!, values['read-only'] ?? false, values.hold ?? false))}\n`);
