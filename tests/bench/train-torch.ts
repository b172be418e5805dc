/** PyTorch's side of `bench:train`: a child process that is told, line by line, when to do a step (peers/train_step.py). */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { OnnxModel } from '../../src/core/nn/graph.ts';
import { sizeOf } from '../../src/core/nn/tensor.ts';
import type { TrainingProgram } from '../../src/core/nn/training.ts';
import type { BenchBatch, BenchNetwork } from './train-networks.ts';
import { type Learned, RECIPE, type Side, THREADS } from './train-side.ts';

export const ADVICE =
  'PyTorch is needed to compare with: `apt-get install python3-torch`, or set HISTOLOOP_PYTHON to a Python that has torch';

/** A Python with PyTorch and NumPy, or null. */
export function findPython(): string | null {
  const asked = process.env.HISTOLOOP_PYTHON;
  const candidates = asked ? [asked] : ['/usr/bin/python3', 'python3'];
  const works = (python: string) =>
    (!python.includes('/') || existsSync(python)) &&
    spawnSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' }).status === 0;
  return candidates.find(works) ?? null;
}

/** glibc keeps freed memory instead of giving it back page by page: the stronger PyTorch, by up to two times. */
const TUNED_MALLOC = {
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '268435456',
};

export interface TorchWays {
  /** `tuned` is the baseline, `default` what most people run. */
  readonly malloc: 'tuned' | 'default';
  readonly channelsLast: boolean;
}

export interface TorchJob {
  readonly folder: string;
  readonly network: BenchNetwork;
  readonly model: OnnxModel;
  readonly program: TrainingProgram;
  readonly batch: BenchBatch;
}

/** Writes weights, batch and job into the folder; gives the job's path. */
export function writeJob({ folder, network, model, program, batch }: TorchJob): string {
  const file = (name: string, data: ArrayBufferView) => {
    const path = join(folder, name);
    writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return path;
  };
  const { entries, weights } = everyTensor(model, program);
  const job = {
    network: network.twin,
    threads: THREADS,
    ...RECIPE,
    foreach: true,
    entries,
    weights: file('weights.f32', weights),
    image: file('image.f32', batch.image.data),
    imageDims: batch.image.dims,
    target: file('target.i32', batch.target.data),
    weight: file('weight.f32', batch.weight.data),
  };
  const path = join(folder, 'job.json');
  writeFileSync(path, JSON.stringify(job));
  return path;
}

/** What learns, in our order, and then what the network computes with besides (running averages). */
function everyTensor(model: OnnxModel, { layout }: TrainingProgram) {
  const learned = layout.entries.map(({ name, dims }) => ({ name, dims, trainable: true }));
  const known = new Set(learned.map(({ name }) => name));
  const averages = model.graph.nodes
    .filter((node) => node.op === 'BatchNormalization')
    .flatMap((node) => node.inputs.slice(3, 5))
    .filter((name) => !known.has(name))
    .map((name) => ({ name, dims: model.graph.initialisers.get(name)!.dims, trainable: false }));
  let offset = 0;
  const entries = [...learned, ...averages].map((entry) => {
    const placed = { ...entry, offset };
    offset += sizeOf(entry.dims);
    return placed;
  });
  const weights = new Float32Array(offset);
  for (const { name, offset: at } of entries) weights.set(model.graph.initialisers.get(name)!.data as Float32Array, at);
  return { entries, weights };
}

/** Starts a PyTorch on the job. */
export async function startTorch(python: string, jobPath: string, ways: TorchWays): Promise<Side> {
  const script = resolve(import.meta.dirname, 'peers/train_step.py');
  const env = { ...process.env, ...(ways.malloc === 'tuned' ? TUNED_MALLOC : {}), PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(python, [script, jobPath, ways.channelsLast ? 'channels_last' : 'contiguous'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // As the engine's process does for itself.
  setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
  const ask = askerOf(child);
  await ask(null);
  return {
    pid: child.pid!,
    step: async (count) => (await ask(`step ${count}`)) as { ms: number; loss: number },
    learned: async () => {
      const path = `${jobPath}.${child.pid}.learned`;
      await ask(`save ${path}`);
      return readLearned(path);
    },
    close: async () => {
      const gone = new Promise((resolveGone) => child.once('exit', resolveGone));
      child.stdin!.end();
      await gone;
    },
  };
}

function readLearned(path: string): Learned {
  const bytes = readFileSync(path);
  const all = new Float32Array(Uint8Array.from(bytes).buffer);
  return { weights: all.slice(0, all.length / 2), moments: all.slice(all.length / 2) };
}

/** One line out (none for null), one line of JSON back; throws where the child ends instead of answering. */
function askerOf(child: ChildProcess): (line: string | null) => Promise<unknown> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async (line) => {
    if (line !== null) child.stdin!.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`PyTorch's process ended at '${line ?? 'start'}'; its reason is printed above`);
    return JSON.parse(value);
  };
}
