/**
 * Predicted and measured peak memory of training steps, plain and with parts computed twice: `node tests/bench/memory.ts`.
 * Each case runs in a process of its own (VmHWM, Linux only). No timing worth the name.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sizeOf, tensorOf } from '../../src/core/nn/tensor.ts';
import { buildTrainingProgram, stepHyper, type TrainingOptions } from '../../src/core/nn/training.ts';
import { buildUnet } from '../../src/core/nn/unet.ts';
import { createService } from '../../src/main/engine/child-service.ts';

interface Case {
  readonly batch: number;
  readonly px: number;
  readonly channels: readonly number[];
  readonly batchNorm: TrainingOptions['batchNorm'];
  /** Share of the plain need that may be used. */
  readonly share: number;
}

const OPTIMISER = { kind: 'adamw' } as const;

function build({ batch, px, channels, batchNorm }: Case, memoryBudgetBytes?: number) {
  return buildTrainingProgram(buildUnet({ inputChannels: 3, classes: 3, channels, seed: 1 }), {
    batch,
    heightPx: px,
    widthPx: px,
    loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
    batchNorm,
    optimiser: OPTIMISER,
    clipNorm: 1,
    memoryBudgetBytes,
  });
}

async function measure(test: Case): Promise<void> {
  const plain = build(test);
  const program = test.share < 1 ? build(test, plain.memory.plainBytes * test.share) : plain;
  const perform = createService();
  await perform({ kind: 'configure', asked: 'cpu', threads: 2, fallbackReason: null });
  await perform({ kind: 'open', session: 1, model: program.bytes, options: program.sessionOptions });
  const { image, target, weight } = program.inputs;
  const feeds = Object.fromEntries(
    [image, target, weight].map(({ name, type, dims }) => [
      name,
      tensorOf(type, dims, new Array(sizeOf(dims)).fill(1)),
    ]),
  );
  const started = performance.now();
  for (let step = 1; step <= 2; step++) {
    await perform({ kind: 'run', session: 1, feeds: { ...feeds, hyper: stepHyper(step, 1e-4, OPTIMISER) } });
  }
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
  const { bytes, segments } = program.memory;
  console.log(JSON.stringify({ segments, predicted: bytes, measured: peak, ms: (performance.now() - started) / 2 }));
}

const SMALL = [16, 32, 64, 128];
const CASES: readonly Case[] = [
  { batch: 4, px: 256, channels: SMALL, batchNorm: 'frozen', share: 1 },
  { batch: 4, px: 256, channels: SMALL, batchNorm: 'frozen', share: 0.85 },
  { batch: 4, px: 256, channels: SMALL, batchNorm: 'batch', share: 1 },
  { batch: 4, px: 256, channels: SMALL, batchNorm: 'batch', share: 0.8 },
  { batch: 4, px: 512, channels: SMALL, batchNorm: 'frozen', share: 1 },
  { batch: 4, px: 512, channels: SMALL, batchNorm: 'frozen', share: 0.85 },
  { batch: 8, px: 128, channels: SMALL, batchNorm: 'frozen', share: 1 },
  { batch: 1, px: 256, channels: [64, 128, 256, 512], batchNorm: 'frozen', share: 1 },
];

const asked = process.argv[2];
if (asked !== undefined) await measure(JSON.parse(asked) as Case);
else {
  console.log('batch px channels normalisation | pieces predicted-MB measured-MB measured/predicted ms/step');
  for (const test of CASES) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(test)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { segments, predicted, measured, ms } = JSON.parse(child.stdout);
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0);
    const what = `${test.batch} ${test.px} ${test.channels.join('-')} ${test.batchNorm}`;
    const ratio = (measured / predicted).toFixed(2);
    console.log(`${what} | ${segments} ${megabytes(predicted)} ${megabytes(measured)} ${ratio} ${ms.toFixed(0)}`);
  }
}
