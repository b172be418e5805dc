/**
 * How long a tile takes: the real SVS and the demo slide, one asker and eight, with OpenSlide (Python) beside it where it
 * is installed. `node tests/bench/tiles.ts [--json]`
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { resolve } from 'node:path';
import { createRandom } from '../../src/core/random.ts';
import { openSlide } from '../../src/main/slide/open-slide.ts';

interface Row {
  readonly slide: string;
  readonly reader: string;
  readonly askers: number;
  readonly tiles: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly tilesPerSecond: number;
}

const TILES = 96;
const root = resolve(import.meta.dirname, '../..');
const svs = resolve(root, '../shared/data/wsi/aperio/CMU-1-Small-Region.svs');
const demo = resolve(root, 'resources/demo.histoslide.json');

function percentile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(2));
}

function rowFrom(
  name: { slide: string; reader: string; askers: number },
  times: readonly number[],
  totalMs: number,
): Row {
  const sorted = [...times].sort((a, b) => a - b);
  const tilesPerSecond = Number(((1000 * times.length) / totalMs).toFixed(1));
  return {
    ...name,
    tiles: times.length,
    p50Ms: percentile(sorted, 0.5),
    p95Ms: percentile(sorted, 0.95),
    tilesPerSecond,
  };
}

/** Level-0 tiles in a seeded order, each asked for once, so that no cache helps. */
async function measure(path: string, slideName: string, askers: number): Promise<Row> {
  const slide = await openSlide(path);
  const level = slide.info.levels[0]!;
  const columns = Math.ceil(level.widthPx / level.tileWidthPx);
  const rows = Math.ceil(level.heightPx / level.tileHeightPx);
  const middle =
    slideName === 'demo' ? { column: columns >> 2, row: rows >> 2, columns: columns >> 1, rows: rows >> 1 } : null;
  const area = middle ?? { column: 0, row: 0, columns, rows };
  const all = Array.from({ length: area.columns * area.rows }, (_, i) => i);
  const wanted = createRandom(1)
    .shuffle(all)
    .slice(0, TILES + 8);
  const ask = (place: number) =>
    slide.tile(0, area.column + (place % area.columns), area.row + Math.floor(place / area.columns));
  for (const place of wanted.splice(0, 8)) await ask(place);
  const times: number[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: askers }, async () => {
      for (let place = wanted.pop(); place !== undefined; place = wanted.pop()) {
        const before = performance.now();
        await ask(place);
        times.push(performance.now() - before);
      }
    }),
  );
  const totalMs = performance.now() - start;
  await slide.close();
  return rowFrom({ slide: slideName, reader: 'histoloop', askers }, times, totalMs);
}

const PYTHON = `
import sys, time, io, json
import openslide
slide = openslide.OpenSlide(sys.argv[1])
times = []
for i in range(int(sys.argv[2])):
    x, y = (i * 7 % 9) * 240, (i // 9 % 12) * 240
    before = time.perf_counter()
    slide.read_region((x, y), 0, (240, 240)).convert('RGB').save(io.BytesIO(), 'JPEG', quality=90)
    times.append((time.perf_counter() - before) * 1000)
print(json.dumps(times))
`;

/** The same work by OpenSlide: decode, compose, encode; null where Python or OpenSlide is missing. */
function measureOpenSlide(): Row | null {
  const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
  const run = spawnSync(python, ['-c', PYTHON, svs, String(TILES)], { encoding: 'utf8' });
  if (run.status !== 0) return null;
  const times = JSON.parse(run.stdout) as number[];
  const totalMs = times.reduce((a, b) => a + b, 0);
  return rowFrom({ slide: 'CMU-1-Small-Region.svs', reader: 'OpenSlide + JPEG', askers: 1 }, times, totalMs);
}

const rows: Row[] = [];
for (const askers of [1, 8]) {
  if (existsSync(svs)) rows.push(await measure(svs, 'CMU-1-Small-Region.svs', askers));
  rows.push(await measure(demo, 'demo', askers));
}
const python = existsSync(svs) ? measureOpenSlide() : null;
if (python !== null) rows.push(python);
const load = Number((loadavg()[0] ?? 0).toFixed(1));
if (process.argv.includes('--json')) console.log(JSON.stringify({ load, rows }, null, 2));
else {
  console.table(rows);
  console.log(`load average ${load}`);
}
