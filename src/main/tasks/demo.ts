/**
 * The whole loop without a window: predict fields of a slide, correct them as a person with the truth in hand would, learn,
 * predict again, export. Everything goes through the same jobs and edits that a window uses.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportFormat, JobKind, JobResult, JobState } from '../../core/contract.ts';
import { HistoloopError } from '../../core/errors.ts';
import { BACKGROUND, MASK_TILE_PX, NOTHING } from '../../core/label.ts';
import { createRandom } from '../../core/random.ts';
import { resourcePath } from '../resources.ts';
import { asDrawnSlide } from '../slide/open-slide.ts';
import type { OpenSlideEntry } from '../slide-shelf.ts';
import type { ExportInput } from './export.ts';
import { readFileLabels, targetOf } from './import.ts';
import type { Parts } from './parts.ts';
import { type PredictInput, tissueTilesOf } from './predict.ts';
import type { TrainInput } from './train.ts';

/** Every labelled object, named or not, whatever its value but 0: class 2 is the built-in model's nucleus. */
const EVERYTHING = { '*': 2, '': 2 };

const DEMO_RECIPE = 'demo.histoslide.json';

export interface DemoOptions {
  /** A slide and its labels of the user's; both null: the drawn slide with its known truth. */
  readonly slide: string | null;
  readonly labels: string | null;
  /** Draws another slide, chooses other fields, shuffles the learning. */
  readonly seed: number;
  readonly steps: number;
  /** 512×512 fields to correct. */
  readonly fields: number;
}

export interface DemoReport {
  readonly slide: string;
  readonly diceBefore: number;
  readonly diceAfter: number;
  readonly corrections: number;
  readonly steps: number;
  readonly trainSeconds: number;
  readonly exported: readonly string[];
}

/** Starts a job and answers its result. Errors: the job's own. */
export type RunJob = <K extends JobKind>(
  kind: K,
  title: string,
  input: unknown,
) => Promise<Extract<JobResult, { kind: K }>>;

/** Labels of a mask tile as the truth has them: every pixel 1 or more; null where the truth says nothing. */
type TruthOf = (column: number, row: number) => Promise<Uint8Array | null>;

/** A project slide drawn from a seed; lies in the project so that it moves with it. */
export async function addDrawnSlide(parts: Parts, seed: number | null): Promise<string> {
  const folder = join(parts.store.folder, 'slides');
  await mkdir(folder, { recursive: true });
  const recipe = JSON.parse(await readFile(resourcePath(DEMO_RECIPE), 'utf8')) as Record<string, unknown>;
  const path = join(folder, seed === null ? DEMO_RECIPE : `demo-${seed}.histoslide.json`);
  await writeFile(path, `${JSON.stringify(seed === null ? recipe : { ...recipe, seed }, null, 2)}\n`);
  return (await parts.shelf.add(path)).slideId;
}

function tileRect(entry: OpenSlideEntry, column: number, row: number) {
  const d = entry.row.maskDownsample;
  const edge = MASK_TILE_PX * d;
  return { x: column * edge, y: row * edge, width: edge, height: edge };
}

/** Background wherever a dense label file says nothing; beyond the slide nothing stays nothing. */
async function truthFromFile(parts: Parts, entry: OpenSlideEntry, path: string): Promise<TruthOf> {
  const { classes } = await parts.store.project();
  const { tiles } = await readFileLabels(path, targetOf(entry, classes, EVERYTHING));
  const byPlace = new Map(tiles.map((tile) => [`${tile.column},${tile.row}`, tile.labels]));
  return async (column, row) => {
    const labels = byPlace.get(`${column},${row}`);
    return labels ? labels.map((value) => (value === NOTHING ? BACKGROUND : value)) : null;
  };
}

async function truthOf(parts: Parts, entry: OpenSlideEntry, options: DemoOptions): Promise<TruthOf> {
  if (options.labels !== null) return truthFromFile(parts, entry, options.labels);
  const drawn = asDrawnSlide(entry.slide);
  if (!drawn)
    throw new HistoloopError(
      'bad-input',
      'a slide of your own needs --labels: a mask image or GeoJSON of its true labels',
    );
  return (column, row) => drawn.truth(tileRect(entry, column, row), MASK_TILE_PX, MASK_TILE_PX);
}

function shareOf(labels: Uint8Array): number {
  let foreground = 0;
  for (const value of labels) if (value > BACKGROUND) foreground += 1;
  return foreground / labels.length;
}

/** Tissue fields with something to correct in them, in an order drawn from the seed. */
async function chooseFields(entry: OpenSlideEntry, truth: TruthOf, options: DemoOptions): Promise<number[]> {
  const { tissue } = await tissueTilesOf(entry, new AbortController().signal);
  const places = Array.from({ length: tissue.length / 2 }, (_, i) => [tissue[2 * i]!, tissue[2 * i + 1]!] as const);
  const chosen: number[] = [];
  for (const [column, row] of createRandom(options.seed).shuffle(places)) {
    const labels = await truth(column, row);
    if (labels && shareOf(labels) > 0.02) chosen.push(column, row);
    if (chosen.length >= 2 * options.fields) break;
  }
  if (chosen.length === 0)
    throw new HistoloopError('nothing-to-learn', 'no field of this slide has labelled objects; check the label file');
  return chosen;
}

/** Corrects one field: paints the truth where the model was wrong, accepts the rest. Two edits, as a person's would be. */
async function correctField(parts: Parts, entry: OpenSlideEntry, layerId: number, field: Field): Promise<number> {
  const { user } = await parts.store.project();
  const { column, row, truth, modelId } = field;
  const maskRect = { x: column * MASK_TILE_PX, y: row * MASK_TILE_PX, width: MASK_TILE_PX, height: MASK_TILE_PX };
  const predicted = await parts.store.readLabels(layerId, maskRect);
  const wrong = truth.map((value, i) => (value === predicted[i] ? NOTHING : value));
  const record = { layerId: entry.row.humanLayerId, user, modelId };
  const requestId = `demo-${modelId}-${entry.row.slideId}-${column}-${row}`;
  await parts.store.importLabels({ ...record, requestId: `${requestId}-correct`, tool: 'import' }, [
    { column, row, labels: wrong },
  ]);
  const { x, y, width, height } = tileRect(entry, column, row);
  const points = [x, y, x + width, y, x + width, y + height, x, y + height];
  const accept = { kind: 'accept', points, predictionLayerId: layerId } as const;
  await parts.store.edit({ ...record, requestId: `${requestId}-accept`, tool: 'accept' }, accept);
  return 2;
}

interface Field {
  readonly column: number;
  readonly row: number;
  readonly truth: Uint8Array;
  readonly modelId: string;
}

const FORMATS: readonly ExportFormat[] = ['geojson', 'label-png', 'label-tiff', 'coco'];

/** Runs the loop in an open project. `say` tells a person what is going on. Errors: those of each part. */
export async function runDemo(
  parts: Parts,
  options: DemoOptions,
  runJob: RunJob,
  say: (text: string) => void,
): Promise<DemoReport> {
  say(options.slide === null ? `drawing slide ${options.seed}` : `opening ${options.slide}`);
  const slideId =
    options.slide === null ? await addDrawnSlide(parts, options.seed) : (await parts.shelf.add(options.slide)).slideId;
  const entry = await parts.shelf.open(slideId);
  const truth = await truthOf(parts, entry, options);
  const tiles = await chooseFields(entry, truth, options);
  const modelId = (await parts.store.project()).liveModelId ?? '';

  const predictInput: PredictInput = { slideId, region: null, modelId, tiles };
  const predicted = await runJob('predict', 'predict the fields', predictInput);
  let corrections = 0;
  for (let i = 0; i < tiles.length; i += 2) {
    say(`correcting field ${i / 2 + 1} of ${tiles.length / 2}`);
    const [column, row] = [tiles[i]!, tiles[i + 1]!];
    const labels = await truth(column, row);
    if (labels)
      corrections += await correctField(parts, entry, predicted.layerId, { column, row, truth: labels, modelId });
  }
  const trainInput: TrainInput = { modelId, steps: options.steps, seed: options.seed };
  const trained = await runJob('train', 'learn from the corrections', trainInput);
  const after: PredictInput = { slideId, region: null, modelId: trained.modelId, tiles };
  await runJob('predict', 'predict again', after);
  const folder = join(parts.store.folder, 'exports', `demo-${options.seed}`);
  const exportInput: ExportInput = { slideIds: [slideId], formats: FORMATS, folder };
  const exported = await runJob('export', 'export', exportInput);
  const { diceBefore, diceAfter, steps, seconds } = trained.record;
  return {
    slide: entry.row.name,
    diceBefore,
    diceAfter,
    corrections,
    steps,
    trainSeconds: seconds,
    exported: exported.files.map((file) => join(exported.folder, file)),
  };
}

/** What a failed or cancelled job means to whoever waits for it. */
export function resultOf<K extends JobKind>(job: JobState, kind: K): Extract<JobResult, { kind: K }> {
  if (job.state === 'done' && job.result?.kind === kind) return job.result as Extract<JobResult, { kind: K }>;
  const { error } = job;
  if (error) throw new HistoloopError(error.code, error.message, { data: { ...error.data } });
  throw new HistoloopError('cancelled', `${job.title}: ${job.state}`);
}
