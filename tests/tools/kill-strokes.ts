/**
 * Kills a process that corrects without pause, again and again, and then looks for what was lost.
 * `node tests/tools/kill-strokes.ts --kills N --json`; exit 1 where anything was lost. The kill test calls `killStrokes`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { decodeTile } from '../../src/core/mask/codec.ts';
import { TILE_LENGTH, tileOfKey } from '../../src/core/mask/tile-grid.ts';
import { createRandom, type Random } from '../../src/core/random.ts';
import { openProjectDatabase, type ProjectDatabase } from '../../src/main/store/project-database.ts';
import { DOWNSAMPLE, replay, requestIdOf, SLIDE_PX, type Truth } from './stroke-script.ts';

export interface KillReport {
  readonly kills: number;
  /** Kills that came before the project was open: in the middle of the recovery from the kill before. */
  readonly killsWhileOpening: number;
  readonly acknowledged: number;
  /** Committed, but killed before the acknowledgement could be seen: 0 or 1. */
  readonly storedUnacknowledged: number;
  /** Edits that must have a row: acknowledged steps but for an undo or redo with nothing to do. */
  readonly recorded: number;
  readonly lost: readonly string[];
  /** Rows that the script does not have at their place: duplicates, strangers, a changed order. */
  readonly unexpected: readonly string[];
  readonly integrity: string;
  readonly contentMatches: boolean;
  readonly tiles: number;
  readonly seconds: number;
}

export async function killStrokes(kills: number, seed: number): Promise<KillReport> {
  const started = performance.now();
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-kill-'));
  try {
    makeProject(folder);
    let next = 0;
    let killsWhileOpening = 0;
    for (let kill = 0; kill < kills; kill++) {
      const life = await liveAndDie(folder, next, random);
      next = life.next;
      if (!life.opened) killsWhileOpening++;
    }
    const found = inspect(folder, next);
    return { kills, killsWhileOpening, ...found, seconds: Math.round((performance.now() - started) / 100) / 10 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeProject(folder: string): void {
  const project = openProjectDatabase(folder, { user: 'ann' });
  const slide = { slideId: 's', name: 's', path: 's.svs', sha256: '0'.repeat(64), maskDownsample: DOWNSAMPLE };
  project.methods.addSlide({ ...slide, widthPx: SLIDE_PX, heightPx: SLIDE_PX });
  project.methods.saveClass({ id: null, name: 'Tumour', color: '#ff0000' });
  project.close();
}

/** One life of the child, from the first step not yet acknowledged to a SIGKILL after a random number of further steps. */
async function liveAndDie(folder: string, first: number, random: Random): Promise<{ next: number; opened: boolean }> {
  const script = join(import.meta.dirname, 'stroke-child.ts');
  const child = spawn(process.execPath, [script, folder, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_code, signal) => resolve(signal)),
  );
  const early = random.next() < 0.1;
  const steps = random.int(12);
  const kill = (afterMs: number) => setTimeout(() => child.kill('SIGKILL'), afterMs);
  if (early) kill(100 + random.next() * 250);
  let next = first;
  let opened = false;
  let condemned = early;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'open') opened = true;
    else next = Number(line) + 1;
    if (!condemned && opened && next - first >= steps) {
      condemned = true;
      kill(random.next() * 12);
    }
  }
  const signal = await exited;
  if (signal !== 'SIGKILL') throw new Error(`the child ended by itself (signal ${signal})`);
  return { next, opened };
}

/** Compares what the file holds with what the script says, row by row and pixel by pixel. */
function inspect(folder: string, acknowledged: number) {
  const project = openProjectDatabase(folder, { createIfMissing: false });
  try {
    const stored = project.sql
      .all<{ requestId: string }>('SELECT request_id AS requestId FROM edit ORDER BY id')
      .map((row) => row.requestId);
    const beyond = stored.includes(requestIdOf(acknowledged)) ? 1 : 0;
    const truth = replay(acknowledged + beyond);
    return {
      acknowledged,
      storedUnacknowledged: beyond,
      recorded: truth.recorded.length,
      lost: truth.recorded.filter((id) => !stored.includes(id)),
      unexpected: stored.filter((id, i) => truth.recorded[i] !== id),
      integrity: project.sql.get<{ integrity_check: string }>('PRAGMA integrity_check')!.integrity_check,
      contentMatches: holdsExactly(project, truth),
      tiles: truth.tiles.size,
    };
  } finally {
    project.close();
  }
}

function holdsExactly({ methods }: ProjectDatabase, truth: Truth): boolean {
  const layerId = methods.slides()[0]!.humanLayerId;
  if (methods.tiles(layerId).length !== 2 * truth.tiles.size) return false;
  for (const [key, labels] of truth.tiles) {
    const { column, row } = tileOfKey(key);
    const code = methods.tile(layerId, column, row);
    if (code === null || Buffer.compare(decodeTile(code, TILE_LENGTH), labels) !== 0) return false;
  }
  return true;
}

export function isIntact(report: KillReport): boolean {
  const { lost, unexpected, integrity, contentMatches } = report;
  return lost.length === 0 && unexpected.length === 0 && integrity === 'ok' && contentMatches;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  });
  const report = await killStrokes(Number(values.kills), Number(values.seed));
  const { kills, recorded, lost, integrity, contentMatches } = report;
  const sentence = `${kills} kills, ${recorded} edits, ${lost.length} lost, integrity ${integrity}, pixels ${contentMatches ? 'equal' : 'DIFFER'}`;
  console.log(values.json ? JSON.stringify(report) : sentence);
  process.exitCode = isIntact(report) ? 0 : 1;
}

if (import.meta.main) await main();
