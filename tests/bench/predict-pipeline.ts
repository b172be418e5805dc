/** The pipeline of `bench:predict`: the prediction job of the application, on a new project each time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelCard } from '../../src/core/learn/model-card.ts';
import type { Session, Tensor } from '../../src/core/nn/session.ts';
import { type Engine, startEngine } from '../../src/main/engine/engine.ts';
import { createEvents } from '../../src/main/events.ts';
import type { JobContext } from '../../src/main/jobs.ts';
import { openModelLibrary } from '../../src/main/model-library.ts';
import { createSlideShelf } from '../../src/main/slide-shelf.ts';
import { openStore } from '../../src/main/store/store.ts';
import { type PredictInput, runPredict } from '../../src/main/tasks/predict.ts';

export interface PipelineRun {
  readonly ms: number;
  /** Mask tiles that were stored, and windows the network ran on. */
  readonly tiles: number;
  readonly windows: number;
}

export interface Pipeline {
  readonly card: ModelCard;
  /** Bytes of the model that was used. */
  readonly model: Uint8Array;
  /** Predicts the whole slide; the project, the open session and the open slide are there before the clock starts. */
  run(): Promise<PipelineRun>;
  /** What the network was given in the last run. */
  inputs(): readonly Tensor[];
  close(): Promise<void>;
}

const QUIET: JobContext = {
  signal: new AbortController().signal,
  closing: () => false,
  progress: () => {},
  say: () => {},
  loss: () => {},
};

export async function startPipeline(slidePath: string, input: Partial<PredictInput> = {}): Promise<Pipeline> {
  const engine = startEngine();
  let seen: Tensor[] = [];
  const watched = watch(engine, (tensor) => seen.push(tensor));
  const once = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'histoloop-bench-'));
    const store = await openStore(folder);
    const parts = {
      store,
      engine: watched,
      shelf: createSlideShelf(store),
      library: await openModelLibrary(store, watched),
      events: createEvents(),
      checkpointEveryMs: 60_000,
    };
    try {
      const { slideId } = await parts.shelf.add(slidePath);
      const model = await parts.library.load(null);
      await parts.shelf.open(slideId);
      const job = { slideId, region: null, modelId: model.version.modelId, tiles: null, ...input };
      await parts.library.network(model);
      seen = [];
      const start = performance.now();
      const result = await runPredict(parts, job, QUIET);
      const ms = performance.now() - start;
      const tiles = result.kind === 'predict' ? result.tiles : 0;
      return { ms, tiles, windows: seen.reduce((sum, { dims }) => sum + dims[0]!, 0), model };
    } finally {
      await parts.library.close();
      await parts.shelf.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const { model } = await once();
  return { card: model.card, model: model.bytes, run: once, inputs: () => seen, close: () => engine.close() };
}

function watch(engine: Engine, saw: (input: Tensor) => void): Engine {
  return {
    ...engine,
    pid: null,
    open: async (model, options) => {
      const session = await engine.open(model, options);
      const run: Session['run'] = (feeds) => {
        for (const tensor of Object.values(feeds)) saw(tensor);
        return session.run(feeds);
      };
      return { ...session, run };
    },
  };
}
