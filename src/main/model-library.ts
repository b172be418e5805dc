/** Model versions of a project: immutable ONNX files with their cards, who descends from whom, and which one is live. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelChoices, ModelState, ModelVersion, TrainingRecord } from '../core/contract.ts';
import { HistoloopError } from '../core/errors.ts';
import { type ModelCard, parseModelCard } from '../core/learn/model-card.ts';
import type { WindowNetwork } from '../core/learn/window-network.ts';
import type { Engine } from './engine/engine.ts';
import { classIdsByName, keptClassIds } from './model-classes.ts';
import { createExaminer, type Examiner, type ProjectModel } from './model-examination.ts';
import { cardBeside, checkedCard, readModelBytes } from './model-import.ts';
import { resourcePath } from './resources.ts';
import type { ModelRow, Store } from './store/store-methods.ts';
import { createWarmNetwork, type Ranges } from './warm-network.ts';
import { writeWhole } from './write-whole.ts';

const BUILT_IN_MODEL = 'nuclei-unet';

export interface LoadedModel {
  readonly version: ModelVersion;
  readonly card: ModelCard;
  /** Class id of the project by output channel; a class that is renamed keeps its id. */
  readonly classIds: readonly number[];
  readonly bytes: Uint8Array;
}

export interface NewVersion {
  readonly name: string;
  readonly parentId: string | null;
  readonly state: ModelState;
  readonly bytes: Uint8Array;
  readonly card: ModelCard;
  /** Those of the version it comes from; null: found by name. */
  readonly classIds: readonly number[] | null;
  readonly training: TrainingRecord | null;
}

export interface ModelLibrary {
  list(): Promise<ModelVersion[]>;
  load(modelId: string | null): Promise<LoadedModel>;
  /** Writes the file, then the row: a kill between the two leaves a file that nobody names. */
  add(version: NewVersion): Promise<ModelVersion>;
  /** Errors: `not-found`, `model-unusable` (its file was changed), `file-missing`. */
  activate(modelId: string): Promise<ModelVersion>;
  /** A file with a card beside it is taken as it is; another becomes a project model as chosen, or as suggested (null). */
  importFile(path: string, choices: ModelChoices | null): Promise<ModelVersion>;
  /** Looks at files that are not imported yet; stores nothing. */
  readonly examiner: Examiner;
  /**
   * The one network that is kept warm for predicting; another's request closes it. `ranges`: the model in 8 bits, by what
   * its values were measured to be.
   */
  network(model: LoadedModel, ranges?: Ranges | null): Promise<WindowNetwork>;
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

/** In another thread: a large model would hold up everything else for a second. */
async function sha256Of(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)).toString('hex');
}

async function addNew(store: Store, version: NewVersion): Promise<ModelVersion> {
  const sha256 = await sha256Of(version.bytes);
  const modelId = sha256.slice(0, 16);
  const known = (await store.models()).find((model) => model.modelId === modelId);
  if (known) return toVersion(known);
  const path = `models/${modelId}.onnx`;
  await writeWhole(join(store.folder, path), version.bytes);
  const classIds = version.classIds ?? (await classIdsByName(store, version.card.classes));
  const row: ModelRow = {
    modelId,
    name: version.name,
    parentId: version.parentId,
    createdAt: new Date().toISOString(),
    state: version.state,
    sha256,
    path,
    card: JSON.stringify({ ...version.card, classIds }),
    training: version.training === null ? null : JSON.stringify(version.training),
  };
  await store.addModel(row);
  return toVersion(row);
}

export async function openModelLibrary(store: Store, engine: Engine): Promise<ModelLibrary> {
  const warm = createWarmNetwork(engine);
  const examiner = createExaminer(engine);
  let lastAdded: Promise<unknown> = Promise.resolve();

  async function rowOf(modelId: string | null): Promise<ModelRow> {
    const wanted = modelId ?? (await store.project()).liveModelId;
    const row = (await store.models()).find((model) => model.modelId === wanted);
    if (!row) throw new HistoloopError('not-found', `this project has no model version ${wanted ?? '(none is live)'}`);
    return row;
  }

  /** One after the other, so that the same file that two windows import at once becomes one version. */
  function add(version: NewVersion): Promise<ModelVersion> {
    const adding = lastAdded.then(() => addNew(store, version));
    lastAdded = adding.catch(() => {});
    return adding;
  }

  async function chosenModel(path: string, choices: ModelChoices | null): Promise<ProjectModel> {
    if (choices !== null) return examiner.modelOf(path, choices);
    const text = await cardBeside(path);
    if (text === null) return examiner.suggestedModel(path);
    const bytes = await readModelBytes(path);
    return { bytes, card: checkedCard(path, text, await engine.inspect(bytes)) };
  }

  const library: ModelLibrary = {
    list: async () => (await store.models()).map(toVersion),
    async load(modelId) {
      const row = await rowOf(modelId);
      const bytes = await readModelBytes(join(store.folder, row.path));
      if ((await sha256Of(bytes)) !== row.sha256) {
        const message = `the file of model ${row.name} was changed on disk; restore ${row.path} from a backup or choose another version`;
        throw new HistoloopError('model-unusable', message);
      }
      const json = JSON.parse(row.card);
      const card = parseModelCard(json);
      const classIds = keptClassIds(json, card.classes.length) ?? (await classIdsByName(store, card.classes));
      return { version: toVersion(row), card, classIds, bytes };
    },
    add,
    async activate(modelId) {
      const row = await rowOf(modelId);
      await library.load(modelId);
      const before = (await store.project()).liveModelId;
      const old = (await store.models()).find((model) => model.modelId === before);
      if (old && old.modelId !== modelId && old.state === 'live') await store.setModelState(old.modelId, 'retired');
      if (row.state !== 'built-in' && row.state !== 'imported') await store.setModelState(modelId, 'live');
      await store.updateProject({ liveModelId: modelId });
      return toVersion(await rowOf(modelId));
    },
    async importFile(path, choices) {
      const { bytes, card } = await chosenModel(path, choices);
      examiner.forget();
      return add({ name: card.name, parentId: null, state: 'imported', bytes, card, classIds: null, training: null });
    },
    examiner,
    network: warm.network,
    close: warm.close,
  };

  if ((await store.models()).length === 0 && !store.readOnly) await addBuiltIn(library);
  return library;
}

/** What a new project starts with. */
async function addBuiltIn(library: ModelLibrary): Promise<void> {
  const bytes = await readModelBytes(resourcePath('models', `${BUILT_IN_MODEL}.onnx`));
  const card = parseModelCard(JSON.parse(await readFile(resourcePath('models', `${BUILT_IN_MODEL}.json`), 'utf8')));
  const builtIn = { name: card.name, parentId: null, state: 'built-in', classIds: null, training: null } as const;
  const version = await library.add({ ...builtIn, bytes, card });
  await library.activate(version.modelId);
}
