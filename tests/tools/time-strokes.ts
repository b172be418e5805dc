/**
 * How long a stroke takes from the call to its acknowledgement: `time-strokes.ts [--strokes N]`, strokes over six mask
 * tiles each, through the database thread, in the system's temporary folder. Prints one line of JSON, milliseconds.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hash32 } from '../../src/core/random.ts';
import { openStore } from '../../src/main/store/store.ts';

const SLIDE_PX = 65_536;

/** A wavy line 2.4 mask tiles long around a tile's corner. */
function points(index: number): number[] {
  const x = 1024 * (2 + (hash32(index, 1) % 56)) - 1200;
  const y = 1024 * (2 + (hash32(index, 2) % 56));
  return Array.from({ length: 60 }, (_, i) => [x + i * 42, y + Math.sin(i / 5) * 120]).flat();
}

const { values } = parseArgs({ options: { strokes: { type: 'string', default: '400' } } });
const folder = mkdtempSync(join(tmpdir(), 'histoloop-time-'));
const store = await openStore(folder);
const slide = {
  slideId: 's',
  name: 's',
  path: 's',
  sha256: '',
  widthPx: SLIDE_PX,
  heightPx: SLIDE_PX,
  maskDownsample: 2,
};
const { humanLayerId: layerId } = await store.addSlide(slide);
const times: number[] = [];
let tiles = 0;
for (let i = 0; i < Number(values.strokes); i++) {
  const operation = { kind: 'stroke' as const, points: points(i), radius: 60, label: 1 + (i % 2) };
  const started = performance.now();
  const result = await store.edit(
    { layerId, requestId: `r${i}`, tool: 'brush', user: 'ann', modelId: null },
    operation,
  );
  times.push(performance.now() - started);
  tiles += result.tiles.length / 2;
}
await store.close();
times.sort((a, b) => a - b);
const at = (part: number) => Math.round(times[Math.floor(part * (times.length - 1))]! * 100) / 100;
const bytes = statSync(join(folder, 'project.sqlite')).size;
rmSync(folder, { recursive: true });
console.log(
  JSON.stringify({
    strokes: times.length,
    tilesPerStroke: tiles / times.length,
    p50: at(0.5),
    p95: at(0.95),
    max: at(1),
    bytesPerStroke: Math.round(bytes / times.length),
    load: loadavg()[0],
    cpus: cpus().length,
  }),
);
