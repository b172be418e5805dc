/**
 * A workstation in memory, for the window's tests: the whole contract over one drawn slide, edits by the same core as the
 * store's, jobs that run when a test tells them to. It counts calls, and can be told to be away or to refuse.
 */
import type {
  Client,
  EditInput,
  EditResult,
  EngineTruth,
  HistoryEntry,
  JobState,
  ModelExamination,
  ModelTrial,
  ModelVersion,
  PredictionLayer,
  ProjectInfo,
  SlideDetails,
  WorkstationEvent,
} from '../../src/core/contract.ts';
import { HistoloopError } from '../../src/core/errors.ts';
import { DEFAULT_CLASSES, type LabelClass } from '../../src/core/label.ts';
import { encodeTile } from '../../src/core/mask/codec.ts';
import { applyEdit, invertDiff, type MaskDiff } from '../../src/core/mask/edit.ts';
import { createMaskGrid } from '../../src/core/mask/tile-grid.ts';
import type { Workstation } from '../../src/renderer/api.ts';
import { drawnPrediction, drawnSlideInfo, drawnTileUrl } from './drawn-slide.ts';
import { FAKE_TRUTH } from './fake-engine.ts';

const HUMAN_LAYER = 1;
const SLIDE_ID = 'slide-1';
const NOW = '2026-11-20T10:00:00.000Z';

interface Edit {
  readonly entry: HistoryEntry;
  readonly diff: MaskDiff;
}

export interface FakeOptions {
  readonly widthPx?: number;
  readonly heightPx?: number;
  readonly classes?: readonly LabelClass[];
  readonly jobs?: readonly JobState[];
  readonly truth?: Partial<EngineTruth>;
}

export interface FakeWorkstation extends Workstation {
  readonly edits: readonly EditInput[];
  /** Calls as `noun.verb`, in order. */
  readonly calls: readonly string[];
  /** Every call and tile fails with this until it is null again. */
  failure: Error | null;
  emit(event: WorkstationEvent): void;
  /** The human label at a level-0 point, as stored. */
  stored(x: number, y: number): number;
}

const model = (modelId: string, name: string, more: Partial<ModelVersion> = {}): ModelVersion => ({
  modelId,
  name,
  parentId: null,
  createdAt: NOW,
  state: 'built-in',
  sha256: 'ab'.repeat(32),
  pixelSizeUm: 0.5,
  classes: ['Nucleus'],
  training: null,
  ...more,
});

const MODELS: readonly ModelVersion[] = [
  model('m2', 'Nuclei v2', {
    state: 'live',
    parentId: 'm1',
    training: {
      corrections: 14,
      trainingBlocks: 9,
      heldOutBlocks: 3,
      steps: 120,
      seconds: 41,
      seed: 7,
      diceBefore: 0.712,
      diceAfter: 0.803,
      warnings: [],
    },
  }),
  model('m1', 'Nuclei v1'),
];

const EXAMINED: ModelExamination = {
  path: '/models/nuclei.onnx',
  producer: 'pytorch',
  opset: 17,
  parameters: 24_000_000,
  learnable: 23_900_000,
  groups: [
    { name: 'encoder', parameters: 21_000_000 },
    { name: 'decoder', parameters: 2_900_000 },
  ],
  trainingProblem: null,
  input: 'input: float32 [N, 3, H, W]',
  outputs: [
    { name: 'mask', said: 'float32 [2, 3, 128, 192]', problem: null },
    { name: 'pooled', said: 'float32 [2, 512]', problem: 'the output ‘pooled’ is no class map' },
  ],
  sizeMultiple: 32,
  fixedSizePx: null,
  changes: ['the other outputs (‘pooled’) are left out'],
  warnings: [],
  suggested: {
    name: 'nuclei',
    output: 'mask',
    activation: 'softmax',
    channelOrder: 'rgb',
    normalisation: { mean: [0, 0, 0], deviation: [1, 1, 1] },
    pixelSizeUm: null,
    classes: ['Background', 'Class 1', 'Class 2'],
  },
  why: { normalisation: null, classes: null, pixelSize: null, activation: 'the network ends in a softmax' },
};

const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';
const TRIED: ModelTrial = {
  sizePx: 384,
  picture: PIXEL,
  prediction: PIXEL,
  classes: [
    { name: 'Background', color: '#5b6472', share: 0.7 },
    { name: 'Class 1', color: '#e69f00', share: 0.2 },
    { name: 'Class 2', color: '#56b4e9', share: 0.1 },
  ],
  doubt: null,
};

export function createFakeWorkstation(options: FakeOptions = {}): FakeWorkstation {
  const info = drawnSlideInfo(options.widthPx ?? 1536, options.heightPx ?? 1024);
  const grid = createMaskGrid(info.widthPx, info.heightPx, 1);
  const human = new Map<string, Uint8Array>();
  const predicted = new Map<string, Uint8Array>();
  for (let row = 0; row < grid.rows; row++) {
    for (let column = 0; column < grid.columns; column++)
      predicted.set(`${column}/${row}`, drawnPrediction(info, column, row));
  }
  const source = (tiles: Map<string, Uint8Array>) => ({
    get: (c: number, r: number) => tiles.get(`${c}/${r}`) ?? null,
  });
  const predictions: PredictionLayer[] = [
    { layerId: 3, modelId: 'm2', modelName: 'Nuclei v2', createdAt: NOW, revision: 1 },
    { layerId: 2, modelId: 'm1', modelName: 'Nuclei v1', createdAt: NOW, revision: 1 },
  ];
  let project: ProjectInfo = {
    name: 'Head and neck demo',
    path: '/projects/demo',
    user: 'Dr. Rossi',
    readOnly: false,
    classes: options.classes ?? DEFAULT_CLASSES,
    slides: [{ slideId: SLIDE_ID, name: 'Drawn slide', problem: null }],
    liveModelId: 'm2',
  };
  let jobs: readonly JobState[] = options.jobs ?? [];
  let truth = { ...FAKE_TRUTH, ...options.truth };
  const history: Edit[] = [];
  const known = new Map<string, EditResult>();
  const done: Edit[] = [];
  const undone: Edit[] = [];
  const listeners = new Set<(event: WorkstationEvent) => void>();
  const calls: string[] = [];
  const edits: EditInput[] = [];

  const state = () => ({ editId: history.length, canUndo: done.length > 0, canRedo: undone.length > 0 });
  const emit = (event: WorkstationEvent) => {
    for (const listener of [...listeners]) listener(event);
  };

  function commit(requestId: string, diff: MaskDiff, more: { tool: string; target: number | null }): EditResult {
    for (const { column, row, after } of diff.tiles) {
      if (after === null) human.delete(`${column}/${row}`);
      else human.set(`${column}/${row}`, after);
    }
    const entry: HistoryEntry = {
      editId: history.length + 1,
      at: new Date().toISOString(),
      user: project.user,
      modelId: 'm2',
      changedPixels: diff.changedPixels,
      undone: false,
      ...more,
    };
    history.push({ entry, diff });
    const tiles = diff.tiles.flatMap(({ column, row }) => [column, row]);
    const result = { history: state(), tiles };
    known.set(requestId, result);
    emit({ kind: 'mask.changed', slideId: SLIDE_ID, layerId: HUMAN_LAYER, revision: entry.editId, tiles, requestId });
    return result;
  }

  function edit(input: EditInput): EditResult {
    edits.push(input);
    const seen = known.get(input.requestId);
    if (seen) return seen;
    const diff = applyEdit(grid, input.operation, { human: source(human), predicted: source(predicted) });
    undone.length = 0;
    const result = commit(input.requestId, diff, { tool: input.tool, target: null });
    done.push(history[history.length - 1]!);
    return { ...result, history: state() };
  }

  function step(kind: 'undo' | 'redo', requestId: string): EditResult {
    const [from, to] = kind === 'undo' ? [done, undone] : [undone, done];
    const last = from.pop();
    if (!last) throw new HistoloopError('conflict', `there is nothing to ${kind}`);
    to.push(last);
    const diff = kind === 'undo' ? invertDiff(last.diff) : last.diff;
    return { ...commit(requestId, diff, { tool: kind, target: last.entry.editId }), history: state() };
  }

  function startJob(kind: JobState['kind'], title: string): JobState {
    const job: JobState = {
      jobId: `job-${jobs.length + 1}`,
      kind,
      title,
      state: 'running',
      progress: { done: 0, total: 100, unit: 'tiles', perSecond: null, secondsLeft: null },
      message: '',
      loss: [],
      startedAt: new Date().toISOString(),
      error: null,
      result: null,
      resumable: false,
    };
    jobs = [job, ...jobs];
    return job;
  }

  function setJob(jobId: string, change: Partial<JobState>): JobState {
    const job = { ...jobs.find((one) => one.jobId === jobId)!, ...change };
    jobs = jobs.map((one) => (one.jobId === jobId ? job : one));
    emit({ kind: 'job.progressed', job });
    return job;
  }

  const details = (): SlideDetails => ({
    ...project.slides[0]!,
    info,
    maskDownsample: 1,
    humanLayerId: HUMAN_LAYER,
    predictions,
    history: state(),
  });

  const answers: { [N in keyof Client]: { [V in keyof Client[N]]: (input: never) => unknown } } = {
    app: {
      status: () => ({
        version: '0.1.0',
        shell: 'browser',
        provider: 'cpu',
        fallbackReason: null,
        providers: [
          { name: 'cpu', available: true, reason: null },
          { name: 'webgpu', available: false, reason: 'no graphics adapter found' },
        ],
      }),
      events: () => eventStream(listeners),
    },
    engine: {
      truth: () => truth,
      measure: () => startJob('measure', 'Measure speed'),
      choose: ({ provider }: { provider: string }) => {
        truth = { ...truth, provider, wanted: provider };
        return truth;
      },
    },
    project: {
      get: () => project,
      update: (change: object) => {
        project = { ...project, ...change };
        return project;
      },
      saveClass: ({ id, name, color }: { id: number | null; name: string; color: string }) => {
        const next = { id: id ?? Math.max(...project.classes.map((one) => one.id)) + 1, name, color };
        const kept = project.classes.filter((one) => one.id !== next.id);
        project = { ...project, classes: [...kept, next].sort((a, b) => a.id - b.id) };
        return project;
      },
    },
    slide: {
      get: () => details(),
      add: ({ path }: { path: string }) => {
        throw new HistoloopError('file-missing', `there is no file ${path}; check the path`);
      },
      browse: ({ folder }: { folder: string | null }) => ({
        folder,
        parent: null,
        entries:
          folder === null
            ? [{ name: 'slides', path: '/slides', kind: 'folder', sizeBytes: 0 }]
            : [{ name: 'a.svs', path: '/slides/a.svs', kind: 'file', sizeBytes: 1000 }],
      }),
      setPixelSize: () => details(),
    },
    mask: {
      edit: (input: EditInput) => edit(input),
      undo: ({ requestId }: { requestId: string }) => step('undo', requestId),
      redo: ({ requestId }: { requestId: string }) => step('redo', requestId),
      history: () =>
        [...history].reverse().map(({ entry }) => ({ ...entry, undone: undone.some((one) => one.entry === entry) })),
      importFile: () => ({ history: state(), tiles: [] }),
      tiles: ({ layerId }: { layerId: number }) => {
        const tiles = layerId === HUMAN_LAYER ? human : predicted;
        return {
          revision: layerId === HUMAN_LAYER ? history.length : 1,
          tiles: [...tiles.keys()].flatMap((key) => key.split('/').map(Number)),
        };
      },
    },
    model: {
      list: () => MODELS,
      activate: ({ modelId }: { modelId: string }) => {
        project = { ...project, liveModelId: modelId };
        return MODELS.find((one) => one.modelId === modelId);
      },
      examine: () => EXAMINED,
      trial: () => TRIED,
      import: () => MODELS[0],
    },
    predict: { start: () => startJob('predict', 'Predict: Drawn slide') },
    train: { start: () => startJob('train', 'Fine-tune Nuclei v2') },
    export: { start: () => startJob('export', 'Export') },
    job: {
      list: () => jobs,
      cancel: ({ jobId }: { jobId: string }) => setJob(jobId, { state: 'cancelled' }),
      resume: ({ jobId }: { jobId: string }) => setJob(jobId, { state: 'running' }),
    },
  };

  const fake: FakeWorkstation = {
    client: clientOf(answers, (name) => {
      calls.push(name);
      if (fake.failure) throw fake.failure;
    }),
    tileUrl: (_slideId, level, { column, row }) => drawnTileUrl(info.levels[level]!, column, row),
    async maskTile(layerId, { column, row }) {
      if (fake.failure) throw fake.failure;
      const labels = (layerId === HUMAN_LAYER ? human : predicted).get(`${column}/${row}`);
      return labels ? encodeTile(labels) : null;
    },
    edits,
    calls,
    failure: null,
    emit,
    stored: (x, y) =>
      human.get(`${Math.floor(x / 512)}/${Math.floor(y / 512)}`)?.[
        (Math.floor(y) % 512) * 512 + (Math.floor(x) % 512)
      ] ?? 0,
  };
  return fake;
}

type Answers = Readonly<Record<string, Readonly<Record<string, (input: never) => unknown>>>>;

/** Every answer comes later, as over a wire; errors carry code and message, as oRPC's do. */
function clientOf(answers: Answers, before: (name: string) => void): Client {
  const nouns = Object.entries(answers).map(([noun, verbs]) => {
    const made = Object.entries(verbs).map(([verb, answer]) => {
      const call = async (input: never) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        before(`${noun}.${verb}`);
        return answer(input);
      };
      return [verb, call];
    });
    return [noun, Object.fromEntries(made)];
  });
  return Object.fromEntries(nouns) as Client;
}

async function* eventStream(listeners: Set<(event: WorkstationEvent) => void>): AsyncGenerator<WorkstationEvent> {
  const waiting: WorkstationEvent[] = [];
  let wake = () => {};
  const listener = (event: WorkstationEvent) => {
    waiting.push(event);
    wake();
  };
  listeners.add(listener);
  try {
    for (;;) {
      const event = waiting.shift();
      if (event) yield event;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    listeners.delete(listener);
  }
}
