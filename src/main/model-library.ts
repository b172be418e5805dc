/** Model versions of a project: immutable ONNX files with their cards, who descends from whom, and which one is live. */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { ModelState, ModelVersion, TrainingRecord } from '../core/contract.ts';
import { HistoloopError } from '../core/errors.ts';
import { type ModelCard, parseModelCard } from '../core/learn/model-card.ts';
import type { Session } from '../core/nn/session.ts';
import type { Engine } from './engine/engine.ts';
import { resourcePath } from './resources.ts';
import type { ModelRow, Store } from './store/store-methods.ts';

export const BUILT_IN_MODEL = 'nuclei-unet';
const LARGEST_MODEL_BYTES = 2 ** 31 - 1;

export interface LoadedModel {
  readonly version: ModelVersion;
  readonly card: ModelCard;
  readonly bytes: Uint8Array;
}

export interface NewVersion {
  readonly name: string;
  readonly parentId: string | null;
  readonly state: ModelState;
  readonly bytes: Uint8Array;
  readonly card: ModelCard;
  readonly training: TrainingRecord | null;
}

export interface ModelLibrary {
  list(): Promise<ModelVersion[]>;
  load(modelId: string | null): Promise<LoadedModel>;
  /** Writes the file, then the row: a kill between the two leaves a file that nobody names. */
  add(version: NewVersion): Promise<ModelVersion>;
  activate(modelId: string): Promise<ModelVersion>;
  importFile(path: string): Promise<ModelVersion>;
  /** The one inference session that is kept warm; another model's request closes it. */
  session(model: LoadedModel): Promise<Session>;
  close(): Promise<void>;
}

function toVersion(row: ModelRow): ModelVersion {
  const card = parseModelCard(JSON.parse(row.card));
  return {
    modelId: row.modelId,
    name: row.name,
    parentId: row.parentId,
    createdAt: row.createdAt,
    state: row.state,
    sha256: row.sha256,
    pixelSizeUm: card.pixelSizeUm,
    classes: card.classes,
    training: row.training === null ? null : JSON.parse(row.training),
  };
}

/** Writes a file so that it is whole or absent. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path).catch(async (error) => {
    await rm(temporary, { force: true });
    throw error;
  });
}

async function readModelFile(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((cause) => {
    throw new HistoloopError('file-missing', `the model file ${path} cannot be read; put it back`, { cause });
  });
  if (bytes.length > LARGEST_MODEL_BYTES) throw new HistoloopError('model-unusable', `${path} is larger than 2 GB`);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The card beside a user's model (`model.json` beside `model.onnx`), or what a trial run tells. */
async function cardFor(path: string, bytes: Uint8Array, engine: Engine): Promise<ModelCard> {
  const found = await engine.inspect(bytes);
  const beside = await readFile(`${path.slice(0, -extname(path).length)}.json`, 'utf8').catch(() => null);
  if (beside !== null) return parseModelCard(JSON.parse(beside));
  const classes = Math.max(2, found.classes);
  if (found.classes < 2) {
    const message = `${basename(path)} has one output channel; Histoloop wants one channel a class (background first), as logits or probabilities`;
    throw new HistoloopError('model-unusable', message);
  }
  return parseModelCard({
    format: 'histoloop-model-card/1',
    name: basename(path, extname(path)),
    version: '1',
    description: 'imported without a card',
    licence: 'unknown',
    dataSources: [],
    classes: Array.from({ length: classes }, (_, index) => (index === 0 ? 'Background' : `Class ${index}`)),
    pixelSizeUm: null,
    pixelSizeNote: 'the file does not say at which pixel size the model was trained',
    input: found.inputName,
    output: found.outputName,
    layout: 'NCHW',
    outputKind: found.values,
    sizeMultiple: found.sizeMultiple,
    fixedSizePx: found.fixedSize?.heightPx ?? null,
    normalisation: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    trainingCommand: null,
    scores: [],
    limits: ['imported without a card: classes and input values are assumed'],
  });
}

export async function openModelLibrary(store: Store, engine: Engine): Promise<ModelLibrary> {
  let warm: { modelId: string; session: Promise<Session> } | null = null;

  async function rowOf(modelId: string | null): Promise<ModelRow> {
    const wanted = modelId ?? (await store.project()).liveModelId;
    const row = (await store.models()).find((model) => model.modelId === wanted);
    if (!row) throw new HistoloopError('not-found', `this project has no model version ${wanted ?? '(none is live)'}`);
    return row;
  }

  async function add(version: NewVersion): Promise<ModelVersion> {
    const sha256 = sha256Of(version.bytes);
    const modelId = sha256.slice(0, 16);
    const known = (await store.models()).find((model) => model.modelId === modelId);
    if (known) return toVersion(known);
    const path = `models/${modelId}.onnx`;
    await mkdir(join(store.folder, 'models'), { recursive: true });
    await writeWhole(join(store.folder, path), version.bytes);
    const row: ModelRow = {
      modelId,
      name: version.name,
      parentId: version.parentId,
      createdAt: new Date().toISOString(),
      state: version.state,
      sha256,
      path,
      card: JSON.stringify(version.card),
      training: version.training === null ? null : JSON.stringify(version.training),
    };
    await store.addModel(row);
    return toVersion(row);
  }

  async function closeWarm(): Promise<void> {
    const old = warm;
    warm = null;
    if (old) await old.session.then((session) => session.close()).catch(() => {});
  }

  const library: ModelLibrary = {
    list: async () => (await store.models()).map(toVersion),
    async load(modelId) {
      const row = await rowOf(modelId);
      const bytes = await readModelFile(join(store.folder, row.path));
      if (sha256Of(bytes) !== row.sha256) {
        const message = `the file of model ${row.name} was changed on disk; restore ${row.path} from a backup or choose another version`;
        throw new HistoloopError('model-unusable', message);
      }
      return { version: toVersion(row), card: parseModelCard(JSON.parse(row.card)), bytes };
    },
    add,
    async activate(modelId) {
      const row = await rowOf(modelId);
      const before = (await store.project()).liveModelId;
      const old = (await store.models()).find((model) => model.modelId === before);
      if (old && old.modelId !== modelId && old.state === 'live') await store.setModelState(old.modelId, 'retired');
      if (row.state !== 'built-in' && row.state !== 'imported') await store.setModelState(modelId, 'live');
      await store.updateProject({ liveModelId: modelId });
      return toVersion(await rowOf(modelId));
    },
    async importFile(path) {
      const bytes = await readModelFile(path);
      const card = await cardFor(path, bytes, engine);
      return add({ name: card.name, parentId: null, state: 'imported', bytes, card, training: null });
    },
    async session(model) {
      if (warm?.modelId === model.version.modelId) {
        const alive = await warm.session.catch(() => null);
        if (alive) return alive;
      }
      await closeWarm();
      const session = engine.open(model.bytes, { purpose: 'inference' });
      warm = { modelId: model.version.modelId, session };
      return session;
    },
    close: closeWarm,
  };

  if ((await store.models()).length === 0 && !store.readOnly) {
    const bytes = await readModelFile(resourcePath('models', `${BUILT_IN_MODEL}.onnx`));
    const card = parseModelCard(JSON.parse(await readFile(resourcePath('models', `${BUILT_IN_MODEL}.json`), 'utf8')));
    const version = await add({ name: card.name, parentId: null, state: 'built-in', bytes, card, training: null });
    await library.activate(version.modelId);
  }
  return library;
}
