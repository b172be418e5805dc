/** A small real project for tests of the workstation: a drawn picture, a model that tells dark from light, real store and engine. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import type { Client, JobState, WorkstationEvent } from '../../../src/core/contract.ts';
import { assert } from '../../../src/core/errors.ts';
import { createHandler } from '../../../src/main/api.ts';
import { type SpawnChild, spawnNodeChild } from '../../../src/main/engine/engine.ts';
import { openWorkstation, type Workstation, type WorkstationOptions } from '../../../src/main/workstation.ts';
import { clientOf } from '../../fixtures/rpc-client.ts';
import { tinyOnnx } from '../../fixtures/tiny-onnx.ts';

/** Dark discs 40 px wide in a grid of 64 px. */
export function isDisc(x: number, y: number): boolean {
  return ((x % 64) - 32) ** 2 + ((y % 64) - 32) ** 2 < 400;
}

/** A PNG of light purple with dark discs; `shift` moves them, so that the picture has other bytes. */
export async function writePicture(path: string, width: number, height: number, shift = 0): Promise<string> {
  const data = Buffer.alloc(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      data.set(isDisc(x + shift, y) ? [70, 40, 120] : [220, 170, 210], (y * width + x) * 3);
  }
  await sharp(data, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toFile(path);
  return path;
}

export interface ModelShape {
  /** Positive: dark is the second class; negative: light is. */
  readonly gain?: number;
  /** Red (0…1) under which a pixel is dark; the discs have 0.27, the ground 0.86. */
  readonly threshold?: number;
  /** The only batch size, height and width that it takes; names: any. */
  readonly batch?: number | string;
  readonly size?: readonly [number | string, number | string];
  readonly channels?: number;
}

/** 1×1 convolution to two classes: the second where the red channel is under (gain over 0) or over the threshold. */
export function colourModel(shape: ModelShape = {}): Uint8Array {
  const { gain = 8, threshold = 0.5, batch = 'n', size = ['h', 'w'], channels = 3 } = shape;
  const zeros = Array(channels).fill(0);
  return tinyOnnx({
    inputs: [{ name: 'image', dims: [batch, channels, ...size] }],
    outputs: [{ name: 'logits', dims: [batch, 2, ...size] }],
    nodes: [{ op: 'Conv', inputs: ['image', 'kernel', 'bias'], outputs: ['logits'] }],
    weights: [
      { name: 'kernel', dims: [2, channels, 1, 1], data: [...zeros, -gain, ...zeros.slice(1)] },
      { name: 'bias', dims: [2], data: [0, gain * threshold] },
    ],
  });
}

/** What lies beside `colourModel`, unless changed. */
export function cardOf(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    format: 'histoloop-model-card/1',
    name: 'Dark and light',
    version: '1',
    description: 'made for a test',
    licence: 'CC0-1.0',
    dataSources: [],
    classes: ['Background', 'Nucleus'],
    pixelSizeUm: null,
    pixelSizeNote: null,
    input: 'image',
    output: 'logits',
    layout: 'NCHW',
    outputKind: 'logits',
    sizeMultiple: 1,
    fixedSizePx: null,
    normalisation: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    trainingCommand: null,
    scores: [],
    limits: [],
    ...change,
  };
}

export async function writeModel(
  folder: string,
  name: string,
  model = colourModel(),
  card: unknown = cardOf(),
): Promise<string> {
  const path = join(folder, `${name}.onnx`);
  await writeFile(path, model);
  if (card !== null) await writeFile(join(folder, `${name}.json`), JSON.stringify(card));
  return path;
}

export interface SmallProject {
  readonly workstation: Workstation;
  readonly client: Client;
  ended(job: Promise<JobState>): Promise<JobState>;
  /** Takes down the process that runs the models. */
  killEngine(): void;
}

export async function openProject(
  projectFolder: string,
  options: Partial<WorkstationOptions> = {},
): Promise<SmallProject> {
  let pid: number | undefined;
  const spawn: SpawnChild = (entry) => {
    const child = spawnNodeChild(entry);
    pid ??= child.pid;
    return child;
  };
  const engine = { threads: 1, spawn };
  const workstation = await openWorkstation({ projectFolder, shell: 'browser', engine, ...options });
  return {
    workstation,
    client: clientOf(createHandler(workstation)),
    ended: async (job) => workstation.jobFinished((await job).jobId),
    killEngine: () => void process.kill(pid!, 'SIGKILL'),
  };
}

/** A project with a picture slide and a quick model live. */
export async function furnished(folder: string, widthPx = 2048, heightPx = 1536, model = colourModel()) {
  const project = await openProject(folder);
  const path = await writePicture(join(folder, 'picture.png'), widthPx, heightPx);
  const { slideId } = await project.client.slide.add({ path });
  const { modelId } = await project.client.model.import({ path: await writeModel(folder, 'colour', model) });
  await project.client.model.activate({ modelId });
  return { ...project, slideId, modelId, path };
}

export type Furnished = Awaited<ReturnType<typeof furnished>>;
export const FIELDS = 6;

/** Corrects one block after the other; `truth` says which discs are called nuclei. Every fourth block, the second first, is held out. */
export async function correct(
  { client, slideId }: Pick<Furnished, 'client' | 'slideId'>,
  truth: (block: number) => boolean,
): Promise<void> {
  for (let block = 0; block < FIELDS; block++) {
    const [x, y] = [(block % 4) * 256, Math.floor(block / 4) * 256];
    const [ground, disc] = truth(block) ? [1, 2] : [2, 1];
    const square = [x + 2, y + 2, x + 250, y + 2, x + 250, y + 250, x + 2, y + 250];
    const edit = (requestId: string, operation: Parameters<typeof client.mask.edit>[0]['operation']) =>
      client.mask.edit({ slideId, requestId, operation, predictionLayerId: null, tool: 'brush' });
    await edit(`ground-${block}`, { kind: 'polygon', points: square, label: ground });
    for (let i = 0; i < 16; i++) {
      const centre = [x + 32 + 64 * (i % 4), y + 32 + 64 * Math.floor(i / 4)];
      assert(isDisc(centre[0]!, centre[1]!), 'the discs lie elsewhere');
      await edit(`disc-${block}-${i}`, { kind: 'stroke', points: centre, radius: 20, label: disc });
    }
  }
}

/** What a window hears from now on; `stop` ends it. */
export function eavesdrop({ handlers }: Workstation) {
  const abort = new AbortController();
  const heard: WorkstationEvent[] = [];
  const events = handlers.app.events(undefined, { signal: abort.signal });
  const listening = (async () => {
    for await (const event of events) heard.push(event);
  })();
  const stop = () => {
    abort.abort();
    return listening;
  };
  const masks = () => heard.filter((event) => event.kind === 'mask.changed');
  return { heard, masks, stop };
}
