/**
 * Steps and tiles a second on one provider beside PyTorch on the same device, with the same U-Net:
 * `node scripts/with-node.mjs tests/bench/device.ts --provider cuda [--json] [--seconds 5]`. For a machine with a graphics card.
 *
 * Ours as the application runs it: in the engine's process, the batch sent across the border, the state kept on the device
 * where the provider can. PyTorch's batch lies on the device already, and its allocator is as most people have it.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeModel } from '../../src/core/nn/onnx.ts';
import type { Session, Tensor } from '../../src/core/nn/session.ts';
import { buildUnet } from '../../src/core/nn/unet.ts';
import { createRandom } from '../../src/core/random.ts';
import { startEngine } from '../../src/main/engine/engine.ts';
import { isProviderChoice } from '../../src/main/settings.ts';
import { type BenchNetwork, drawBatch } from './train-networks.ts';
import { feedsOf, programOf } from './train-ours.ts';
import { ADVICE, findPython } from './train-torch.ts';

const UNET = { inputChannels: 3, classes: 4, channels: [16, 32, 64, 128], seed: 1 };
const NETWORK: BenchNetwork = {
  name: 'U-Net 16-32-64-128, 4×256²',
  batch: 4,
  edgePx: 256,
  classes: UNET.classes,
  model: () => buildUnet(UNET),
  twin: UNET,
};
const TILE_PX = 512;
const GPUS: ReadonlySet<string> = new Set(['cuda', 'webgpu', 'dml']);

const { values } = parseArgs({
  options: {
    provider: { type: 'string', default: 'cpu' },
    seconds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});

async function medianMs(session: Session, feeds: Readonly<Record<string, Tensor>>, seconds: number): Promise<number> {
  await session.run(feeds);
  const times: number[] = [];
  for (let spent = 0; spent < seconds * 1000 || times.length < 3; spent += times.at(-1)!) {
    const before = performance.now();
    await session.run(feeds);
    times.push(performance.now() - before);
  }
  await session.close();
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

async function ours(asked: string, seconds: number) {
  if (!isProviderChoice(asked)) throw new Error(`there is no provider ${asked}`);
  const engine = startEngine({ provider: asked });
  try {
    const { provider, fallbackReason, lowering } = await engine.status();
    if (fallbackReason !== null) throw new Error(`not on ${asked}: ${fallbackReason}`);
    const model = buildUnet(UNET);
    const program = programOf(NETWORK, model, lowering);
    const feeds = feedsOf(program, drawBatch(NETWORK), 1);
    const stepMs = await medianMs(await engine.open(program.bytes, program.sessionOptions), feeds, seconds);
    const random = createRandom(1);
    const length = 3 * TILE_PX ** 2;
    const data = Float32Array.from({ length }, () => random.next());
    const tile: Tensor = { type: 'float32', dims: [1, 3, TILE_PX, TILE_PX], data };
    const inference = await engine.open(encodeModel(model), { purpose: 'inference' });
    const tileMs = await medianMs(inference, { image: tile }, seconds);
    const { onCpu, nodes } = await engine.places(program.bytes, { ...feeds, ...program.sessionOptions.initial });
    return { provider, ...(await engine.surroundings()), stepMs, tileMs, onCpu, nodes };
  } finally {
    await engine.close();
  }
}

function torch(provider: string, seconds: number): { device: string; stepMs: number; tileMs: number } | null {
  const python = findPython();
  if (python === null) {
    console.error(ADVICE);
    return null;
  }
  const { batch, edgePx } = NETWORK;
  const job = { ...UNET, device: GPUS.has(provider) ? 'cuda' : 'cpu', batch, edgePx, tilePx: TILE_PX, seconds };
  const script = join(import.meta.dirname, 'peers/device_speed.py');
  const done = spawnSync(python, [script, JSON.stringify(job)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (done.status === 0) return JSON.parse(done.stdout);
  console.error(done.status === 3 ? 'this PyTorch has no CUDA: nothing to compare with' : 'PyTorch’s side failed');
  return null;
}

const seconds = Number(values.seconds);
const own = await ours(values.provider, seconds);
const peer = torch(values.provider, seconds);
const result = {
  network: NETWORK.name,
  ours: own,
  torch: peer,
  stepRatio: peer && own.stepMs / peer.stepMs,
  tileRatio: peer && own.tileMs / peer.tileMs,
};
if (values.json) console.log(JSON.stringify(result));
else {
  const rates = (side: { stepMs: number; tileMs: number }) =>
    `${(1000 / side.stepMs).toFixed(2)} steps/s, ${(1000 / side.tileMs).toFixed(2)} tiles of ${TILE_PX}²/s`;
  console.log(`${NETWORK.name}\n  ours on ${own.provider} (${own.device ?? 'not told'}): ${rates(own)}`);
  console.log(`  nodes on the CPU: ${own.onCpu} of ${own.nodes}; at most ${own.peakMemoryMb} MB`);
  if (peer)
    console.log(
      `  PyTorch on ${peer.device}: ${rates(peer)}; ratio ${result.stepRatio?.toFixed(2)}, ${result.tileRatio?.toFixed(2)}`,
    );
}
