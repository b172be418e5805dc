/**
 * Whole networks as others export them learn on stock onnxruntime: 50 steps on four real tiles halve the loss. Thin versions
 * of what people bring, built node by node in PyTorch's own spelling, and the models of `../shared/data/models/onnx`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import type { Session, Tensor } from '../../../src/core/nn/session.ts';
import { sizeOf } from '../../../src/core/nn/tensor.ts';
import {
  buildTrainingProgram,
  stepHyper,
  type TrainingOptions,
  writeParameters,
} from '../../../src/core/nn/training.ts';
import { loweringOn } from '../../../src/main/engine/probe-lowering.ts';
import { deepLab, hoverNet, mergeEqualWeights, segFormer } from '../../fixtures/networks/others.ts';
import { feedsOf, ones, type RealTiles, realTiles } from '../../fixtures/networks/real-tiles.ts';
import { efficientNetUnet, plainUnet, resNetUnet } from '../../fixtures/networks/u-nets.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const STEPS = 50;
const PX = 64;
const OPTIMISER = { kind: 'adamw', weightDecay: 0 } as const;
const OPTIONS: TrainingOptions = {
  batch: 4,
  heightPx: PX,
  widthPx: PX,
  loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
  batchNorm: 'batch',
  optimiser: OPTIMISER,
  clipNorm: 1,
};

interface Learning {
  readonly options?: Partial<TrainingOptions>;
  readonly learningRate?: number;
  /** Feeds of further heads. */
  readonly further?: Record<string, Tensor>;
}

/** Losses of all steps, and the network with what it learnt. */
async function learn(model: OnnxModel, tiles: RealTiles, { options, learningRate = 3e-3, further }: Learning = {}) {
  const read = decodeModel(encodeModel(mergeEqualWeights(model)));
  const program = buildTrainingProgram(read, { ...OPTIONS, lowering: await loweringOn('cpu'), ...options });
  const session = await openOnnxRuntime(program.bytes, program.sessionOptions);
  const feeds = { ...feedsOf(program, tiles), ...further };
  const losses = await lossesUntilHalved(session, feeds, learningRate);
  const learned = writeParameters(read, program, await session.readState());
  await session.close();
  return { losses, learned, program };
}

/** Runs until the loss has fallen to half, at most 50 steps. */
async function lossesUntilHalved(
  session: Session,
  feeds: Record<string, Tensor>,
  learningRate: number,
): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 1; step <= STEPS && !(losses.at(-1)! < losses[0]! / 2); step++) {
    const { loss } = await session.run({ ...feeds, hyper: stepHyper(step, learningRate, OPTIMISER) });
    losses.push(Number(loss!.data[0]));
  }
  return losses;
}

function expectHalved(losses: readonly number[]): void {
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses.at(-1)! / losses[0]!, `from ${losses[0]} to ${losses.at(-1)}`).toBeLessThan(0.5);
}

/** Share of pixels whose larger score is the right class. */
async function accuracy(model: OnnxModel, tiles: RealTiles): Promise<number> {
  const session = await openOnnxRuntime(encodeModel(model));
  const image: Tensor = { type: 'float32', dims: [4, 3, PX, PX], data: tiles.image };
  const result = await session.run({ [model.graph.inputs[0]!.name]: image });
  await session.close();
  const scores = result[model.graph.outputs[0]!.name]!.data as Float32Array;
  const area = PX * PX;
  const right = tiles.nuclei.filter((truth, i) => {
    const at = Math.floor(i / area) * 2 * area + (i % area);
    return (scores[at + area]! > scores[at]! ? 1 : 0) === truth;
  });
  return right.length / tiles.nuclei.length;
}

describeWithData('within 50 steps on four real tiles the loss falls below half:', (data) => {
  let tiles: RealTiles;
  beforeAll(async () => {
    tiles = await realTiles(data, PX);
  });

  const NETWORKS: readonly [name: string, model: () => OnnxModel, options?: Learning][] = [
    ['U-Net', () => plainUnet(2)],
    ['U-Net with a ResNet encoder', () => resNetUnet(2)],
    ['U-Net with an EfficientNet encoder', () => efficientNetUnet(2)],
    ['DeepLabv3+', () => deepLab(2), { learningRate: 1e-2 }],
    ['SegFormer', () => segFormer(2), { learningRate: 1e-2 }],
  ];
  for (const [name, model, options] of NETWORKS) {
    it(name, async () => {
      const { losses, learned } = await learn(model(), tiles, options);
      expectHalved(losses);
      // What is written back has learnt too, with its running averages.
      expect(await accuracy(learned, tiles)).toBeGreaterThan(await accuracy(model(), tiles));
    }, 120_000);
  }

  it('HoVer-Net, on its three heads at once', async () => {
    const types = tiles.nuclei.map((nucleus, i) => nucleus * (1 + (Math.floor(i / (PX * PX)) % 2)));
    const dims = [4, 2, PX, PX];
    const further: Record<string, Tensor> = {
      'target/head1': { type: 'float32', dims, data: distances(tiles.nuclei) },
      'weight/head1': { type: 'float32', dims: [4, 1, PX, PX], data: ones([4, 1, PX, PX]) },
      'target/head2': { type: 'int32', dims: [4, 1, PX, PX], data: types },
      'weight/head2': { type: 'float32', dims: [4, 1, PX, PX], data: ones([4, 1, PX, PX]) },
    };
    const heads = [
      { output: 'head1', loss: [{ kind: 'mse' }, { kind: 'gradient-mse' }] },
      { output: 'head2', loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }] },
    ] as const;
    const { losses } = await learn(hoverNet(3), tiles, {
      options: { output: 'head0', heads },
      further,
      learningRate: 1e-2,
    });
    expectHalved(losses);
  }, 120_000);

  for (const file of ['SINet.onnx', 'SINet_Softmax.onnx', 'deeplab_nchw.onnx', 'prisma_nchw.onnx']) {
    it(`${file}, trained for portraits`, async () => {
      const model = decodeModel(new Uint8Array(readFileSync(join(data, 'models/onnx', file))));
      const [batch, , height, width] = model.graph.inputs[0]!.dims!;
      const size = { heightPx: fixed(height) ?? PX, widthPx: fixed(width) ?? PX };
      const program = buildTrainingProgram(model, {
        ...OPTIONS,
        lowering: await loweringOn('cpu'),
        ...size,
        batch: fixed(batch) ?? 4,
        batchNorm: 'frozen',
      });
      const session = await openOnnxRuntime(program.bytes, program.sessionOptions);
      const feeds = feedsOf(program, await resized(data, program.inputs.image.dims));
      const losses = await lossesUntilHalved(session, feeds, 1e-3);
      await session.close();
      expectHalved(losses);
    }, 240_000);
  }
});

const fixed = (dim: number | string | null | undefined) => (typeof dim === 'number' && dim > 0 ? dim : null);

/** Real tiles of the size that a network insists on; as many as its batch holds. */
async function resized(data: string, dims: readonly number[]): Promise<RealTiles> {
  const [n, , height, width] = dims as [number, number, number, number];
  const source = await realTiles(data, PX);
  const image = new Float32Array(sizeOf(dims));
  const nuclei = new Int32Array(n * height * width);
  for (let i = 0; i < nuclei.length; i++) {
    const [tile, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    const at = Math.floor((y * PX) / height) * PX + Math.floor((x * PX) / width);
    nuclei[i] = source.nuclei[tile * PX * PX + at]!;
    for (let c = 0; c < 3; c++) {
      image[((tile * 3 + c) * height + y) * width + x] = source.image[(tile * 3 + c) * PX * PX + at]!;
    }
  }
  return { image, nuclei };
}

/** A stand-in for HoVer-Net's maps: in nuclei, how far right and down of the tile's middle [4,2,px,px]. */
function distances(nuclei: Int32Array): Float32Array {
  const area = PX * PX;
  const maps = new Float32Array(2 * nuclei.length);
  nuclei.forEach((nucleus, i) => {
    const [tile, y, x] = [Math.floor(i / area), Math.floor(i / PX) % PX, i % PX];
    maps[2 * tile * area + (i % area)] = nucleus * (x / PX - 0.5) * 2;
    maps[(2 * tile + 1) * area + (i % area)] = nucleus * (y / PX - 0.5) * 2;
  });
  return maps;
}
