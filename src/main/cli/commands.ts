/** What each command does: a thin walk over the contract's calls. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { EngineTruth, ExportFormat, JobState } from '../../core/contract.ts';
import { fromPlainError, HistoloopError, toHistoloopError } from '../../core/errors.ts';
import { parseProvider } from '../shell-arguments.ts';
import { slideFileInfo, slideFileTile } from '../tasks/slide-file.ts';
import { openWorkstation, type Workstation } from '../workstation.ts';
import { needed, type Parsed, pairs, region, text, texts, UsageError, whole } from './options.ts';
import type { Terminal } from './terminal.ts';

export type Command = (parsed: Parsed, terminal: Terminal) => Promise<number>;

const FORMATS: readonly ExportFormat[] = ['geojson', 'label-png', 'label-tiff', 'coco'];

function providerOf({ values }: Parsed) {
  try {
    return parseProvider(text(values, 'provider') ?? 'cpu');
  } catch (error) {
    throw new UsageError(toHistoloopError(error).message);
  }
}

/** A project that is there already: a mistyped folder must not become a new, empty one. */
function existingProject({ values }: Parsed): string {
  const folder = needed(values, 'project');
  if (existsSync(join(folder, 'project.sqlite'))) return folder;
  throw new HistoloopError(
    'file-missing',
    `there is no project in ${folder}; check the path, or make one with predict`,
  );
}

/** Opens the project, lets `use` work, closes whatever happens; Ctrl+C cancels running jobs first. */
async function withProject<T>(parsed: Parsed, folder: string, use: (w: Workstation) => Promise<T>): Promise<T> {
  const provider = providerOf(parsed);
  const workstation = await openWorkstation({
    projectFolder: resolve(folder),
    shell: 'command-line',
    fenced: false,
    engine: { provider },
  });
  const stop = () => void workstation.close().finally(() => process.exit(130));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    return await use(workstation);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    await workstation.close();
  }
}

/** Shows jobs that start from now on as they go, until the returned function is called. */
function follow(workstation: Workstation, terminal: Terminal): () => void {
  const abort = new AbortController();
  const since = new Date().toISOString();
  const listen = async () => {
    const events = workstation.handlers.app.events(undefined, { signal: abort.signal });
    for await (const event of events)
      if (event.kind === 'job.progressed' && event.job.startedAt >= since) terminal.job(event.job);
  };
  void listen();
  return () => abort.abort();
}

async function finish(workstation: Workstation, started: Promise<JobState>, terminal: Terminal): Promise<JobState> {
  const stop = follow(workstation, terminal);
  const { jobId } = await started;
  const job = await workstation.jobFinished(jobId);
  await followUps(workstation);
  stop();
  if (job.error) throw fromPlainError(job.error);
  if (job.state !== 'done') throw new HistoloopError('cancelled', `${job.title}: ${job.state}`);
  return job;
}

/** What a job set going when it ended: a promoted model predicts again where its parent had. */
async function followUps(workstation: Workstation): Promise<void> {
  const jobs = await workstation.handlers.job.list(undefined, context);
  const waiting = jobs.filter((job) => job.state === 'queued' || job.state === 'running');
  await Promise.all(waiting.map((job) => workstation.jobFinished(job.jobId)));
}

const context = { signal: undefined };

/** A slide of the project by id or name, or a file that is added first. */
async function slideIdOf(workstation: Workstation, named: string): Promise<string> {
  const { slides } = await workstation.handlers.project.get(undefined, context);
  const known = slides.find((slide) => slide.slideId === named || slide.name === named);
  if (known) return known.slideId;
  return (await workstation.handlers.slide.add({ path: resolve(named) }, context)).slideId;
}

async function modelIdOf(workstation: Workstation, named: string | null): Promise<string | null> {
  if (named === null) return null;
  const models = await workstation.handlers.model.list(undefined, context);
  const known = models.find((model) => model.modelId === named || model.name === named);
  return known?.modelId ?? (await workstation.handlers.model.import({ path: resolve(named) }, context)).modelId;
}

const demo: Command = async (parsed, terminal) => {
  const { values } = parsed;
  const [slide, labels] = [text(values, 'slide'), text(values, 'labels')];
  if (slide !== null && labels === null)
    throw new UsageError('--slide needs --labels: its true labels as GeoJSON or a label image');
  const kept = text(values, 'project');
  const folder = kept ?? (await mkdtemp(join(tmpdir(), 'histoloop-demo-')));
  const options = {
    slide: slide && resolve(slide),
    labels: labels && resolve(labels),
    seed: whole(values, 'seed', 1),
    steps: whole(values, 'steps', 120, 1),
    fields: whole(values, 'fields', 6, 1),
  };
  try {
    const report = await withProject(parsed, folder, async (workstation) => {
      const stop = follow(workstation, terminal);
      return workstation.demo(options, terminal.say).finally(stop);
    });
    terminal.answer(report, [
      `${report.slide}: Dice on held-out corrections ${report.diceBefore.toFixed(4)} → ${report.diceAfter.toFixed(4)}`,
      `${report.corrections} corrections, ${report.steps} steps in ${report.trainSeconds.toFixed(1)} s`,
      kept === null
        ? 'keep the project and its export with --project FOLDER'
        : `${report.exported.length} files exported`,
    ]);
    return report.diceAfter > report.diceBefore ? 0 : 1;
  } finally {
    if (kept === null) await rm(folder, { recursive: true, force: true });
  }
};

const slideInfo: Command = async ({ positionals }, terminal) => {
  const [path] = positionals;
  if (path === undefined) throw new UsageError('slide info takes a file');
  const info = await slideFileInfo(resolve(path));
  const { pixelSize } = info;
  const size = pixelSize.xUm === null ? 'unknown' : `${pixelSize.xUm} µm (${pixelSize.source})`;
  terminal.answer(info, [
    `${info.format}${info.vendor ? ` (${info.vendor})` : ''}, ${info.widthPx}×${info.heightPx} px, pixel size ${size}`,
    ...info.levels.map(
      (level) =>
        `  level ${level.index}: ${level.widthPx}×${level.heightPx}, tiles ${level.tileWidthPx}×${level.tileHeightPx}`,
    ),
    ...[pixelSize.warning, ...info.warnings]
      .filter((warning) => warning !== null)
      .map((warning) => `  warning: ${warning}`),
  ]);
  return 0;
};

const slideTile: Command = async ({ positionals, values }, terminal) => {
  const [path] = positionals;
  if (path === undefined) throw new UsageError('slide tile takes a file');
  const out = resolve(needed(values, 'out'));
  const [level, column, row] = [whole(values, 'level', 0), whole(values, 'column', 0), whole(values, 'row', 0)];
  const tile = await slideFileTile(resolve(path), level, column, row);
  await writeFile(out, tile.bytes).catch((cause) => {
    throw new HistoloopError('bad-input', `${out} cannot be written (${cause.code}); choose another place for --out`, {
      cause,
    });
  });
  const { mime, passthrough } = tile;
  terminal.answer({ out, mime, passthrough, bytes: tile.bytes.length }, [
    `${out}: ${mime}, ${tile.bytes.length} bytes`,
  ]);
  return 0;
};

const predict: Command = (parsed, terminal) =>
  withProject(parsed, needed(parsed.values, 'project'), async (workstation) => {
    const slideId = await slideIdOf(workstation, needed(parsed.values, 'slide'));
    const modelId = await modelIdOf(workstation, text(parsed.values, 'model'));
    const eightBit = parsed.values['eight-bit'] === true;
    const input = { slideId, region: region(parsed.values), modelId, eightBit };
    const started = workstation.handlers.predict.start(input, context);
    const job = await finish(workstation, started, terminal);
    const result = job.result?.kind === 'predict' ? job.result : null;
    terminal.answer({ slideId, ...result }, [
      `${result?.tiles} tiles predicted, ${result?.skippedAsGlass} left out as glass`,
    ]);
    return 0;
  });

const correct: Command = (parsed, terminal) =>
  withProject(parsed, needed(parsed.values, 'project'), async (workstation) => {
    const path = resolve(needed(parsed.values, 'labels'));
    const slideId = await slideIdOf(workstation, needed(parsed.values, 'slide'));
    const named = pairs(parsed.values, 'class');
    const { classes: known } = await workstation.handlers.project.get(undefined, context);
    const idOf = (name: string) => {
      const found = known.find((entry) => entry.name === name || String(entry.id) === name);
      if (!found)
        throw new UsageError(
          `the project has no class «${name}»; it has ${known.map((entry) => entry.name).join(', ')}`,
        );
      return found.id;
    };
    const classes = named && Object.fromEntries(Object.entries(named).map(([from, to]) => [from, idOf(to)]));
    const input = { slideId, requestId: randomUUID(), path, classes };
    const { history, tiles } = await workstation.handlers.mask.importFile(input, context);
    terminal.answer({ slideId, editId: history.editId, tiles: tiles.length / 2 }, [
      `correction ${history.editId}: ${tiles.length / 2} mask tiles changed`,
    ]);
    return 0;
  });

const train: Command = async (parsed, terminal) => {
  const input = { steps: whole(parsed.values, 'steps', 120, 1), seed: whole(parsed.values, 'seed', 1) };
  return withProject(parsed, existingProject(parsed), async (workstation) => {
    const job = await finish(workstation, workstation.handlers.train.start(input, context), terminal);
    if (job.result?.kind !== 'train') return 1;
    const { modelId, promoted, record } = job.result;
    terminal.answer({ modelId, promoted, ...record }, [
      `Dice on held-out corrections ${record.diceBefore.toFixed(4)} → ${record.diceAfter.toFixed(4)}: model ${modelId} is ${promoted ? 'live' : 'refused'}`,
      ...record.warnings.map((warning) => `  warning: ${warning}`),
    ]);
    return promoted ? 0 : 1;
  });
};

const exportCommand: Command = (parsed, terminal) =>
  withProject(parsed, existingProject(parsed), async (workstation) => {
    const named = texts(parsed.values, 'slide');
    const { slides } = await workstation.handlers.project.get(undefined, context);
    const slideIds = named.length > 0 ? [] : slides.map((slide) => slide.slideId);
    for (const name of named) slideIds.push(await slideIdOf(workstation, name));
    if (slideIds.length === 0)
      throw new HistoloopError(
        'nothing-to-learn',
        'this project has no slide to export; add one with predict or correct',
      );
    const asked = texts(parsed.values, 'format').flatMap((list) => list.split(','));
    const formats = asked.length > 0 ? FORMATS.filter((format) => asked.includes(format)) : FORMATS;
    const strange = asked.filter((format) => !FORMATS.some((known) => known === format));
    if (strange.length > 0) throw new UsageError(`--format knows ${FORMATS.join(', ')}, not ${strange.join(', ')}`);
    const out = text(parsed.values, 'out');
    const started = workstation.handlers.export.start({ slideIds, formats, folder: out && resolve(out) }, context);
    const job = await finish(workstation, started, terminal);
    const result = job.result?.kind === 'export' ? job.result : null;
    terminal.answer(result, [`${result?.files.length} files in ${result?.folder}`]);
    return 0;
  });

/** What computes here and how quickly, with the built-in model, in a project that is thrown away. */
const doctor: Command = async (parsed, terminal) => {
  const folder = await mkdtemp(join(tmpdir(), 'histoloop-doctor-'));
  try {
    return await withProject(parsed, folder, async (workstation) => {
      await finish(workstation, workstation.handlers.engine.measure(undefined, context), terminal);
      const truth = await workstation.handlers.engine.truth(undefined, context);
      terminal.answer(truth, linesOf(truth));
      return truth.fallbackReason === null ? 0 : 1;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

function linesOf({ measured, ...truth }: EngineTruth): string[] {
  const told = (fact: string | null) => fact ?? 'not told';
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return [
    `${truth.provider} on ${told(truth.device)}, driver ${truth.provider === 'cpu' ? 'none needed' : told(truth.driver)}`,
    `onnxruntime ${truth.runtimeVersion}, ${truth.threads} threads, at most ${truth.peakMemoryMb} MB`,
    ...(truth.fallbackReason ? [`not on ${truth.wanted}: ${truth.fallbackReason}`] : []),
    ...(measured
      ? [
          `${measured.tilesPerSecond.toFixed(2)} tiles of ${measured.tilePx}×${measured.tilePx} a second (${measured.modelName})`,
          `${measured.stepsPerSecond.toFixed(2)} training steps of ${measured.trainingBatch} pixels a second`,
        ]
      : []),
    ...(measured?.fellBack
      ? [
          `fell back to the CPU: ${percent(measured.fellBack.predict)} predicting, ${percent(measured.fellBack.train)} learning`,
        ]
      : []),
    ...truth.providers.map(({ name, available, reason }) => `  ${name}: ${available ? (reason ?? 'works') : reason}`),
  ];
}

export const commands = {
  demo,
  'slide info': slideInfo,
  'slide tile': slideTile,
  predict,
  correct,
  train,
  export: exportCommand,
  doctor,
};
