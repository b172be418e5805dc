/**
 * How long a training step takes beside PyTorch's, on the processor, with the same network, weights, batch and threads:
 * `npm run bench:train [-- --json] [--network NAME] [--pairs 7] [--quick]`. Never a part of the tests' timing.
 *
 * `oursMs` is the step as the application runs it: in the form that the engine finds best here, in the engine's process,
 * with the batch sent across the border. `standardOpsMs` is the same in standard operators alone.
 * `torchMs` is PyTorch with a memory allocator that keeps its pages (the stronger one), `torchDefaultMs` without.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareLearned, type Differences } from './train-differences.ts';
import { type BenchNetwork, drawBatch, NETWORKS, TINY } from './train-networks.ts';
import { loweringHere, programOf, startOurs } from './train-ours.ts';
import { median, peakMb, stepsPerTurn, timeRounds } from './train-rounds.ts';
import { startSession } from './train-session.ts';
import type { Runner, Side } from './train-side.ts';
import { ADVICE, findPython, startTorch, writeJob } from './train-torch.ts';

interface Result {
  readonly network: string;
  readonly oursMs: number;
  readonly torchMs: number;
  readonly ratio: number;
  readonly oursPeakMb: number | null;
  readonly torchPeakMb: number | null;
  /** The same step without the border between processes. This and the next three are left out with `--quick`. */
  readonly sessionMs?: number;
  readonly standardOpsMs?: number;
  readonly torchDefaultMs?: number;
  /** PyTorch tuned and with its pictures as [N,H,W,C], which some processors like better. */
  readonly torchChannelsLastMs?: number;
  /** The quickest round of each: what is left where a busy machine slows one side more than the other. */
  readonly oursBestMs: number;
  readonly torchBestMs: number;
  readonly pairs: number;
  readonly droppedRounds: number;
  readonly quietMachine: boolean;
  /** How far ours is from PyTorch after the first step, relative to the largest value. */
  readonly gradientDifference: Differences;
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    network: { type: 'string', multiple: true },
    pairs: { type: 'string', default: '7' },
  },
});

const tenths = (value: number) => Number(value.toFixed(1));

const EXTRAS = ['session', 'standardOps', 'torchDefault', 'torchChannelsLast'] as const;

interface Sides extends Readonly<Record<string, Runner>> {
  readonly ours: Side;
  readonly torch: Side;
}

/** Starts every side, in the order in which they take turns; `opened` holds those that must be closed. */
async function startSides(python: string, network: BenchNetwork, opened: Record<string, Runner>): Promise<Sides> {
  const model = network.model();
  const batch = drawBatch(network);
  const standard = { weightGradient: 'conv3d' } as const;
  const program = programOf(network, model, await loweringHere());
  const job = writeJob({ folder, network, model, program, batch });
  const ours = await startOurs(program, batch);
  opened.ours = ours;
  const torch = await startTorch(python, job, { malloc: 'tuned', channelsLast: false });
  opened.torch = torch;
  if (values.quick) return { ...opened, ours, torch };
  opened.session = await startSession(program, batch);
  opened.torchDefault = await startTorch(python, job, { malloc: 'default', channelsLast: false });
  opened.standardOps = await startOurs(programOf(network, model, standard), batch);
  opened.torchChannelsLast = await startTorch(python, job, { malloc: 'tuned', channelsLast: true });
  return { ...opened, ours, torch };
}

async function measure(python: string, network: BenchNetwork, pairs: number): Promise<Result> {
  const opened: Record<string, Runner> = {};
  try {
    const sides = await startSides(python, network, opened);
    const gradientDifference = await compareFirstStep(sides.ours, sides.torch);
    const turns = values.quick ? { most: pairs, steps: 1 } : { most: 3 * pairs, steps: await warmUp(sides) };
    const rounds = await timeRounds(sides, { pairs, ...turns });
    const ms = (side: string) => tenths(median(rounds.ms[side]));
    return {
      network: network.name,
      oursMs: ms('ours'),
      torchMs: ms('torch'),
      ratio: Number((median(rounds.ms.ours) / median(rounds.ms.torch)).toFixed(3)),
      oursPeakMb: peakMb(sides.ours.pid),
      torchPeakMb: peakMb(sides.torch.pid),
      ...Object.fromEntries(EXTRAS.filter((side) => side in sides).map((side) => [`${side}Ms`, ms(side)])),
      oursBestMs: tenths(Math.min(...rounds.ms.ours)),
      torchBestMs: tenths(Math.min(...rounds.ms.torch)),
      pairs: rounds.ms.ours.length,
      droppedRounds: rounds.dropped,
      quietMachine: rounds.clean,
      gradientDifference,
    };
  } finally {
    for (const runner of Object.values(opened)) await runner.close();
  }
}

async function compareFirstStep(ours: Side, torch: Side): Promise<Differences> {
  const [a, b] = [await ours.step(1), await torch.step(1)];
  return compareLearned({ ...(await ours.learned()), loss: a.loss }, { ...(await torch.learned()), loss: b.loss });
}

/** Two turns of each, which also says how many steps make one. */
async function warmUp(sides: Readonly<Record<string, Runner>>): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (const side of Object.values(sides)) {
    await side.step(1);
    fastest = Math.min(fastest, (await side.step(1)).ms);
  }
  return stepsPerTurn(fastest);
}

function chosen(names: readonly string[] | undefined, quick: boolean): readonly BenchNetwork[] {
  if (names === undefined) return quick ? [TINY] : NETWORKS;
  const wanted = (name: string) =>
    [...NETWORKS, TINY].filter((network) => network.name.toLowerCase().includes(name.toLowerCase()));
  const found = [...new Set(names.flatMap(wanted))];
  if (found.length > 0) return found;
  return complain(`no network called ${names.join(', ')}; there are ${NETWORKS.map(({ name }) => name).join('; ')}`);
}

function complain(sentence: string): never {
  console.error(`bench:train: ${sentence}`);
  process.exit(2);
}

const pairs = Number(values.pairs);
if (!Number.isInteger(pairs) || pairs < 1) complain(`--pairs ${values.pairs} is no number of rounds; use 7 or more`);
const python = findPython();
if (python === null) complain(ADVICE);
const networks = chosen(values.network, values.quick);
const folder = mkdtempSync(join(tmpdir(), 'histoloop-bench-'));
const results: Result[] = [];
try {
  for (const network of networks)
    results.push(await measure(python, network, values.quick ? Math.min(2, pairs) : pairs));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (values.json) console.log(JSON.stringify({ results }));
else {
  for (const { gradientDifference: differs, network, ...numbers } of results) {
    console.log(`\n${network}`);
    console.table(numbers);
    console.log('difference after the first step:', differs);
  }
}
