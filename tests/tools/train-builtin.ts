/**
 * Trains the built-in nuclei model from scratch with Histoloop's own engine and writes resources/models/nuclei-unet.onnx
 * with its card: `npm run train:builtin -- [--seed 1] [--steps 2000] [--out FOLDER] [--rescore]`.
 * Needs ../shared/data.
 * The same seed gives the same bytes on the same runtime and processor. About 10 minutes on two quiet cores.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { STRONG } from '../../src/core/learn/augment.ts';
import { learnableBlocks, type TrainingBlock } from '../../src/core/learn/blocks.ts';
import { type ModelCard, type ModelScore, parseModelCard } from '../../src/core/learn/model-card.ts';
import { createBatches } from '../../src/core/learn/patches.ts';
import { runTraining } from '../../src/core/learn/training-run.ts';
import { encodeModel } from '../../src/core/nn/onnx.ts';
import type { OpenSession } from '../../src/core/nn/session.ts';
import { buildTrainingProgram, type Optimiser, writeParameters } from '../../src/core/nn/training.ts';
import { buildUnet } from '../../src/core/nn/unet.ts';
import { createRandom } from '../../src/core/random.ts';
import { startEngine } from '../../src/main/engine/engine.ts';
import { builtInCard } from './builtin-card.ts';
import { drawFields } from './drawn-fields.ts';
import {
  type Field,
  type FieldSplit,
  listBrightfield,
  listFields,
  NUCLEI_CLASS_IDS,
  readField,
  splitFields,
} from './nuinsseg.ts';
import { type Scored, scoreOn } from './score-nuclei.ts';

const BATCH = 4;
const PATCH_PX = 128;
const CHANNELS = [16, 32, 64, 128];
const LEARNING_RATE = 1.5e-3;
const OPTIMISER: Optimiser = { kind: 'adamw', weightDecay: 0.01 };
const project = resolve(import.meta.dirname, '../..');

interface Settings {
  readonly seed: number;
  readonly steps: number;
  readonly out: string;
  readonly data: string;
  /** Keep the model that lies in `out` and only measure it again. */
  readonly rescore: boolean;
}

function readSettings(): Settings {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      steps: { type: 'string', default: '2000' },
      out: { type: 'string', default: join(project, 'resources', 'models') },
      data: { type: 'string', default: resolve(project, '../shared/data') },
      rescore: { type: 'boolean', default: false },
    },
  });
  return { ...values, seed: Number(values.seed), steps: Number(values.steps) };
}

const readAll = (fields: readonly Field[]): Promise<TrainingBlock[]> => Promise.all(fields.map(readField));

/** NuInsSeg three times over, so that the other pictures (for their bright ground) are about a sixth. */
async function trainingBlocks(data: string, split: FieldSplit): Promise<TrainingBlock[]> {
  const tissue = await readAll(split.train);
  return [...tissue, ...tissue, ...tissue, ...(await readAll(listBrightfield(data)))];
}

async function train(settings: Settings, card: ModelCard, blocks: TrainingBlock[], open: OpenSession) {
  const untrained = buildUnet({ inputChannels: 3, classes: 2, channels: CHANNELS, seed: settings.seed });
  const program = buildTrainingProgram(untrained, {
    batch: BATCH,
    heightPx: PATCH_PX,
    widthPx: PATCH_PX,
    loss: [{ kind: 'cross-entropy' }, { kind: 'dice' }],
    batchNorm: 'batch',
    optimiser: OPTIMISER,
    clipNorm: 1,
  });
  const nextBatch = createBatches({
    blocks: learnableBlocks(blocks, NUCLEI_CLASS_IDS).blocks,
    patchPx: PATCH_PX,
    batch: BATCH,
    normalisation: card.normalisation,
    augmentation: STRONG,
    random: createRandom(settings.seed),
  });
  const schedule = { learningRate: LEARNING_RATE, steps: settings.steps, warmUpSteps: 50, rest: 0.01 };
  const session = await open(program.bytes, { ...program.sessionOptions, purpose: 'training' });
  const onStep = progressPrinter();
  await runTraining({ program, session, optimiser: OPTIMISER, schedule, nextBatch, onStep });
  const bytes = encodeModel(writeParameters(untrained, program, await session.readState()));
  await session.close();
  return bytes;
}

/** A line every 50 steps: mean loss since the last one, time left. */
function progressPrinter(): (step: number, total: number, loss: number) => void {
  const started = performance.now();
  let sum = 0;
  return (step, total, loss) => {
    sum += loss;
    if (step % 50 !== 0) return;
    const perStep = (performance.now() - started) / step;
    const left = Math.round(((total - step) * perStep) / 1000);
    console.log(
      `step ${step}/${total}  loss ${(sum / 50).toFixed(4)}  ${perStep.toFixed(0)} ms a step  ${left} s left`,
    );
    sum = 0;
  };
}

/** Fields and organs never trained on, and drawn tissue, where most of a demo happens. */
async function scoreAll(split: FieldSplit, scored: Scored): Promise<ModelScore[]> {
  const sets: [string, TrainingBlock[]][] = [
    ['NuInsSeg, fields never trained on, of organs that were', await readAll(split.unseenFields)],
    ['NuInsSeg, human tongue and salivary gland, never trained on', await readAll(split.unseenOrgans)],
    ['drawn H&E (the demo slide, not real tissue), never trained on', drawFields(24, 1)],
  ];
  const scores: ModelScore[] = [];
  for (const [name, blocks] of sets) {
    const score = await scoreOn(name, blocks, scored);
    console.log(`${name}: Dice ${score.value}, ${score.peer!.name} ${score.peer!.value} (${score.fields} fields)`);
    scores.push(score);
  }
  return scores;
}

async function main(): Promise<void> {
  const settings = readSettings();
  const split = splitFields(listFields(settings.data));
  const card = builtInCard({
    trainFields: split.train.length,
    unseenFields: split.unseenFields.length,
    brightfieldFields: listBrightfield(settings.data).length,
    unseenOrganFields: split.unseenOrgans.length,
    command: `npm run train:builtin -- --seed ${settings.seed} --steps ${settings.steps}`,
  });
  const engine = startEngine();
  const path = join(settings.out, 'nuclei-unet.onnx');
  const model = settings.rescore
    ? new Uint8Array(readFileSync(path))
    : await train(settings, card, await trainingBlocks(settings.data, split), engine.open);
  const scores = await scoreAll(split, { model, card, open: engine.open });
  mkdirSync(settings.out, { recursive: true });
  writeFileSync(path, model);
  const json = JSON.stringify(parseModelCard({ ...card, scores }), null, 2);
  writeFileSync(join(settings.out, 'nuclei-unet.json'), `${json}\n`);
  await engine.close();
}

await main();
