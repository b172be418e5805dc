/**
 * How quick the served workstation is: cold start, picture tiles while idle and while the model learns, strokes likewise.
 * Run after a build: `node tests/bench/serve.ts [--json]`. Latencies are of whole HTTP requests on loopback.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/fetch';
import type { Client, SlideDetails } from '../../src/core/contract.ts';
import { createRandom } from '../../src/core/random.ts';
import { serveProgram } from '../fixtures/program.ts';

interface Latency {
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
}

const { values } = parseArgs({ options: { json: { type: 'boolean' } } });
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function summary(times: number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (q: number) =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(1));
  return { n: sorted.length, p50Ms: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function connect(url: string) {
  const cookie = (await fetch(url, { redirect: 'manual' })).headers.get('set-cookie')?.split(';')[0] ?? '';
  const origin = new URL(url).origin;
  const headers = { cookie, origin };
  const client = createORPCClient(new RPCLink({ url: `${origin}/rpc`, headers })) as unknown as Client;
  const get = async (path: string) => {
    const answer = await fetch(origin + path, { headers });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.arrayBuffer();
  };
  return { client, get };
}

type Connection = Awaited<ReturnType<typeof connect>>;

async function finished(client: Client, jobId: string): Promise<void> {
  for (;;) {
    const job = (await client.job.list()).find((entry) => entry.jobId === jobId);
    if (job?.error) throw new Error(job.error.message);
    if (job && job.state !== 'running' && job.state !== 'queued') return;
    await sleep(200);
  }
}

/** Tiles and strokes in turn, at random places, for as long as `go` says. */
async function measure({ client, get }: Connection, slide: SlideDetails, seed: number, go: (i: number) => boolean) {
  const random = createRandom(seed);
  const level = slide.info.levels[0]!;
  const tiles: number[] = [];
  const strokes: number[] = [];
  for (let i = 0; go(i); i++) {
    const column = random.int(Math.ceil(level.widthPx / level.tileWidthPx));
    const row = random.int(Math.ceil(level.heightPx / level.tileHeightPx));
    tiles.push(await timed(() => get(`/tile/${slide.slideId}/0/${column}/${row}`)));
    const [x, y] = [random.int(slide.info.widthPx), random.int(slide.info.heightPx)];
    const operation = { kind: 'stroke', points: [x, y, x + 60, y + 25], radius: 12, label: 2 } as const;
    const input = {
      slideId: slide.slideId,
      requestId: randomUUID(),
      operation,
      predictionLayerId: null,
      tool: 'brush',
    };
    strokes.push(await timed(() => client.mask.edit(input)));
    await sleep(20);
  }
  return { tiles: summary(tiles), strokes: summary(strokes) };
}

async function acceptPrediction(client: Client, slide: SlideDetails): Promise<void> {
  const { widthPx: w, heightPx: h } = slide.info;
  const predictionLayerId = slide.predictions[0]!.layerId;
  const operation = { kind: 'accept', points: [0, 0, w, 0, w, h, 0, h], predictionLayerId } as const;
  await client.mask.edit({
    slideId: slide.slideId,
    requestId: randomUUID(),
    operation,
    predictionLayerId,
    tool: 'accept',
  });
}

const folder = mkdtempSync(join(tmpdir(), 'histoloop-bench-'));
try {
  const started = performance.now();
  const program = await serveProgram([], { XDG_DATA_HOME: folder });
  const coldStartMs = performance.now() - started;
  const connection = await connect(program.url);
  const { client } = connection;
  const firstSlide = (await client.project.get()).slides[0]!;
  await connection.get(`/tile/${firstSlide.slideId}/3/2/2`);
  const firstTileMs = performance.now() - started;
  await finished(client, (await client.job.list())[0]!.jobId);
  const slide = await client.slide.get({ slideId: firstSlide.slideId });
  await acceptPrediction(client, slide);
  const idle = await measure(connection, slide, 1, (i) => i < 200);
  const job = await client.train.start({ steps: 60, seed: 1 });
  let learning = true;
  const ended = finished(client, job.jobId).then(() => {
    learning = false;
  });
  await sleep(3000);
  const busy = await measure(connection, slide, 2, () => learning);
  await ended;
  await program.stop();
  const report = { coldStartMs: Math.round(coldStartMs), firstTileMs: Math.round(firstTileMs), idle, busy };
  if (values.json) console.log(JSON.stringify(report));
  else {
    console.log(`cold start to address ${report.coldStartMs} ms, to first tile ${report.firstTileMs} ms`);
    console.table({
      'tiles idle': idle.tiles,
      'tiles learning': busy.tiles,
      'strokes idle': idle.strokes,
      'strokes learning': busy.strokes,
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
