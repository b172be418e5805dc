/** PyTorch's side of `bench:predict`: the same weights on the same picture, asked line by line (peers/predict_unet.py). */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { OnnxModel } from '../../src/core/nn/graph.ts';
import type { Tensor } from '../../src/core/nn/session.ts';
import { THREADS } from './train-side.ts';

/** glibc keeps freed memory instead of giving it back page by page: the stronger PyTorch. */
const TUNED_MALLOC = {
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '268435456',
};

export interface Torch {
  /** Memory layouts, with batch normalisation folded or not. */
  readonly forms: readonly string[];
  /** Milliseconds for one run of the batch. */
  run(form: string, count: number): Promise<number>;
  /** GFLOP/s of a product of square matrices. */
  matmul(size: number): Promise<number>;
  close(): void;
}

export interface TorchJob {
  readonly folder: string;
  readonly model: OnnxModel;
  /** Widths of the built-in U-Net's levels. */
  readonly channels: readonly number[];
  readonly classes: number;
  readonly image: Tensor;
}

function writeJob({ folder, model, channels, classes, image }: TorchJob): string {
  const file = (name: string, data: ArrayBufferView) => {
    const path = join(folder, name);
    writeFileSync(path, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return path;
  };
  const weights = [...model.graph.initialisers].filter(([name]) => /^(down|up|head)/.test(name));
  const flat = new Float32Array(weights.reduce((sum, [, { data }]) => sum + data.length, 0));
  let offset = 0;
  const entries = weights.map(([name, { dims, data }]) => {
    const entry = { name, dims, offset };
    flat.set(data as Float32Array, offset);
    offset += data.length;
    return entry;
  });
  const network = { inputChannels: 3, channels, classes };
  const job = { network, entries, weights: file('weights.f32', flat), image: file('image.f32', image.data) };
  const path = join(folder, 'job.json');
  writeFileSync(path, JSON.stringify({ ...job, imageDims: image.dims, threads: THREADS }));
  return path;
}

export async function startTorch(python: string, job: TorchJob): Promise<Torch> {
  const script = resolve(import.meta.dirname, 'peers/predict_unet.py');
  const env = { ...process.env, ...TUNED_MALLOC, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn(python, [script, writeJob(job)], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  // As the engine's process does for itself.
  setPriority(child.pid!, constants.priority.PRIORITY_BELOW_NORMAL);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line: string) => {
    if (line !== '') child.stdin.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error(`PyTorch's process ended at '${line || 'start'}'; its reason is printed above`);
    return JSON.parse(value);
  };
  const { forms } = (await ask('')) as { forms: string[] };
  return {
    forms,
    run: async (form, count) => ((await ask(`run ${form} ${count}`)) as { ms: number }).ms,
    matmul: async (size) => ((await ask(`matmul ${size}`)) as { gflops: number }).gflops,
    close: () => void child.kill('SIGKILL'),
  };
}
