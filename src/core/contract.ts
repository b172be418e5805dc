/**
 * Every call and event between a window (or the command line) and the workstation. Read this first.
 * Types only: `main/api.ts` checks each input once, at the door; `main/workstation.ts` answers.
 * Coordinates are level-0 pixels; a mask pixel is `maskDownsample` of them wide.
 * Pictures and masks do not travel here but as bytes by address:
 *   GET /tile/{slideId}/{level}/{column}/{row}     an encoded picture tile
 *   GET /mask/{layerId}/{column}/{row}?v={editId}  a 512×512 mask tile, run-length coded (core/mask/codec); 204 where empty
 */
import type { PlainError } from './errors.ts';
import type { Rect } from './geometry.ts';
import type { LabelClass } from './label.ts';
import type { SlideInfo } from './slide.ts';

export interface ProjectInfo {
  readonly name: string;
  readonly path: string;
  /** Who corrections are signed by. */
  readonly user: string;
  readonly readOnly: boolean;
  readonly classes: readonly LabelClass[];
  readonly slides: readonly SlideSummary[];
  /** The model version that predictions use. */
  readonly liveModelId: string;
}

export interface AppStatus {
  readonly version: string;
  readonly shell: 'electron' | 'browser' | 'command-line';
  /** Every execution provider this build could use, with the reason where it cannot. */
  readonly providers: readonly ProviderStatus[];
  /** The provider in use, and why it is not the one asked for. */
  readonly provider: string;
  readonly fallbackReason: string | null;
}

export interface ProviderStatus {
  readonly name: string;
  readonly available: boolean;
  readonly reason: string | null;
}

/** What computes, and how quickly by the last measurement. Null: neither the runtime nor the system tells. */
export interface EngineTruth {
  /** The provider in use, and why it is not the one asked for. */
  readonly provider: string;
  readonly fallbackReason: string | null;
  /** The provider asked for; `auto`: the quickest that works. */
  readonly wanted: string;
  readonly providers: readonly ProviderStatus[];
  readonly device: string | null;
  readonly driver: string | null;
  readonly threads: number;
  readonly runtimeVersion: string;
  /** The most memory that the engine's process held since it started. */
  readonly peakMemoryMb: number;
  /** The last measurement on the provider in use; null where there was none. */
  readonly measured: EngineMeasurement | null;
}

export interface EngineMeasurement {
  readonly provider: string;
  readonly device: string | null;
  readonly driver: string | null;
  readonly at: string;
  readonly modelName: string;
  /** Edge of the square tile that was predicted, in pixels. */
  readonly tilePx: number;
  readonly tilesPerSecond: number;
  /** The batch of a training step, as in «4 × 128 × 128». */
  readonly trainingBatch: string;
  readonly stepsPerSecond: number;
  /** Share, 0..1, of the nodes that ran on the CPU instead of the provider, in a prediction and in a training step; null on the CPU. */
  readonly fellBack: { readonly predict: number; readonly train: number; readonly operators: readonly string[] } | null;
  readonly peakMemoryMb: number;
}

export interface SlideSummary {
  readonly slideId: string;
  readonly name: string;
  /** Null where the file can be opened; else what is wrong and what to do. */
  readonly problem: string | null;
}

export interface FolderListing {
  readonly folder: string | null;
  readonly parent: string | null;
  readonly entries: readonly {
    readonly name: string;
    readonly path: string;
    readonly kind: 'folder' | 'file';
    readonly sizeBytes: number;
  }[];
}

export interface SlideDetails extends SlideSummary {
  readonly info: SlideInfo;
  readonly maskDownsample: number;
  readonly humanLayerId: number;
  /** Newest first; one per model version that predicted on this slide. */
  readonly predictions: readonly PredictionLayer[];
  readonly history: HistoryState;
}

export interface PredictionLayer {
  readonly layerId: number;
  readonly modelId: string;
  readonly modelName: string;
  readonly createdAt: string;
  /** Changes whenever a tile of the layer changes. */
  readonly revision: number;
}

export interface HistoryState {
  /** The last edit on this slide, 0 where there is none. Mask tile addresses carry it as `v`. */
  readonly editId: number;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
}

/** One user gesture. `points` is a flat x, y, x, y … list in level-0 pixels. */
export type EditOperation =
  /** A round brush dragged along the points; label 0 gives the pixels back to the model. */
  | { readonly kind: 'stroke'; readonly points: readonly number[]; readonly radius: number; readonly label: number }
  /** A closed polygon, filled by the even-odd rule. */
  | { readonly kind: 'polygon'; readonly points: readonly number[]; readonly label: number }
  /** Takes over a model's prediction inside a closed polygon where no person has said anything. */
  | { readonly kind: 'accept'; readonly points: readonly number[]; readonly predictionLayerId: number };

export interface EditInput {
  readonly slideId: string;
  /** Made by the caller; sending the same one twice changes nothing the second time. */
  readonly requestId: string;
  readonly operation: EditOperation;
  /** The prediction the person was looking at, for the record; null where none was shown. */
  readonly predictionLayerId: number | null;
  /** Tool as the person knows it: brush, eraser, accept, import … */
  readonly tool: string;
}

/** Answered only after the transaction is on disk. */
export interface EditResult {
  readonly history: HistoryState;
  /** Changed tiles of the human layer as flat column, row, column, row … */
  readonly tiles: readonly number[];
}

/** Where `classes` is null, GeoJSON class names and label values are taken as the project's own names and ids. */
export interface ImportInput {
  readonly slideId: string;
  readonly requestId: string;
  readonly path: string;
  /** Value or name in the file → class id of the project; values not listed are left out. */
  readonly classes: Readonly<Record<string, number>> | null;
}

export interface HistoryEntry {
  readonly editId: number;
  readonly tool: string;
  readonly at: string;
  readonly user: string;
  readonly modelId: string | null;
  readonly changedPixels: number;
  /** The edit that this one takes back or brings back; null for an ordinary one. */
  readonly target: number | null;
  readonly undone: boolean;
}

export type ModelState = 'built-in' | 'imported' | 'live' | 'candidate' | 'refused' | 'retired';

export interface ModelVersion {
  readonly modelId: string;
  readonly name: string;
  readonly parentId: string | null;
  readonly createdAt: string;
  readonly state: ModelState;
  readonly sha256: string;
  /** Micrometres per pixel the model wants to see; null where it was trained at an unknown size. */
  readonly pixelSizeUm: number | null;
  readonly classes: readonly string[];
  readonly training: TrainingRecord | null;
}

/** What a person may say about a network that comes in; what is not said is found, or kept as suggested. */
export interface ModelChoices {
  readonly name: string;
  /** Which output is the class map. */
  readonly output: string;
  /** One class of all at each pixel (softmax), or each by itself with the rest as background (sigmoid). */
  readonly activation: 'softmax' | 'sigmoid';
  readonly channelOrder: 'rgb' | 'bgr';
  /** value = (byte / 255 − mean) / deviation, per channel R, G, B. */
  readonly normalisation: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
  /** Micrometres per pixel that the network wants to see; null where nobody knows. */
  readonly pixelSizeUm: number | null;
  /** By score channel, background first. */
  readonly classes: readonly string[];
}

/** What a model file is, found without trusting it: in a process that is thrown away afterwards. */
export interface ModelExamination {
  readonly path: string;
  readonly producer: string;
  readonly opset: number;
  /** Numbers stored as weights, and how many of them can learn. */
  readonly parameters: number;
  readonly learnable: number;
  /** The learnable ones by part of the network, in its order. */
  readonly groups: readonly { readonly name: string; readonly parameters: number }[];
  /** Null where the network can be fine-tuned; else why not, in a sentence. It can predict all the same. */
  readonly trainingProblem: string | null;
  /** The picture it takes, as its file declares it. */
  readonly input: string;
  /** `problem` says why an output is no class map; null where it could be one. */
  readonly outputs: readonly { readonly name: string; readonly said: string; readonly problem: string | null }[];
  readonly sizeMultiple: number;
  readonly fixedSizePx: number | null;
  /** What import puts around the network or changes in it, in sentences. */
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  /** What is suggested, and why each value; null where nothing was found and a person should decide. */
  readonly suggested: ModelChoices;
  readonly why: {
    readonly normalisation: string | null;
    readonly classes: string | null;
    readonly pixelSize: string | null;
    readonly activation: string | null;
  };
}

/** A network's answer on a piece of a slide, before anything is stored. Pictures are `data:` addresses (PNG). */
export interface ModelTrial {
  readonly sizePx: number;
  readonly picture: string;
  readonly prediction: string;
  /** What each class is drawn in, and its share of the pixels; background first, which is not drawn. */
  readonly classes: readonly { readonly name: string; readonly color: string; readonly share: number }[];
  /** What looks wrong with the answer, in a sentence; null where nothing does. */
  readonly doubt: string | null;
}

export interface TrainingRecord {
  readonly corrections: number;
  readonly trainingBlocks: number;
  readonly heldOutBlocks: number;
  readonly steps: number;
  readonly seconds: number;
  readonly seed: number;
  /** Dice on the held-out corrections, which were never trained on. */
  readonly diceBefore: number;
  readonly diceAfter: number;
  readonly warnings: readonly string[];
}

export type JobKind = 'predict' | 'train' | 'export' | 'measure';
export type JobStateName = 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';

export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly perSecond: number | null;
  readonly secondsLeft: number | null;
}

export interface JobState {
  readonly jobId: string;
  readonly kind: JobKind;
  readonly title: string;
  readonly state: JobStateName;
  readonly progress: JobProgress;
  readonly message: string;
  /** Loss curve so far, flat step, loss, step, loss …; empty for other jobs. */
  readonly loss: readonly number[];
  readonly startedAt: string;
  readonly error: PlainError | null;
  readonly result: JobResult | null;
  /** True where `job.resume` would go on from what is already done. */
  readonly resumable: boolean;
}

export type JobResult =
  | { readonly kind: 'predict'; readonly layerId: number; readonly tiles: number; readonly skippedAsGlass: number }
  | { readonly kind: 'train'; readonly modelId: string; readonly promoted: boolean; readonly record: TrainingRecord }
  | { readonly kind: 'export'; readonly folder: string; readonly files: readonly string[] }
  | { readonly kind: 'measure'; readonly measurement: EngineMeasurement };

export type ExportFormat = 'geojson' | 'label-png' | 'label-tiff' | 'coco';

export type WorkstationEvent =
  | { readonly kind: 'project.changed' }
  | {
      readonly kind: 'mask.changed';
      readonly slideId: string;
      readonly layerId: number;
      readonly revision: number;
      readonly tiles: readonly number[];
      /** `requestId` of the edit that caused it, so that a window can tell its own; null for a job's. */
      readonly requestId: string | null;
    }
  | { readonly kind: 'history.changed'; readonly slideId: string; readonly history: HistoryState }
  | { readonly kind: 'model.changed'; readonly liveModelId: string }
  | { readonly kind: 'job.progressed'; readonly job: JobState };

/** One entry per call: its input and its answer. `noun.verb`, as in `mask.edit`. */
export interface Contract {
  app: {
    status: { input: void; output: AppStatus };
    /** Never ends by itself; the first events bring the listener up to date on running jobs. */
    events: { input: void; output: AsyncIterable<WorkstationEvent> };
  };
  engine: {
    truth: { input: void; output: EngineTruth };
    /** Measures tiles and training steps a second on the provider in use. Errors: `conflict` while other work runs. */
    measure: { input: void; output: JobState };
    /** Computes on another provider from now on, also after a restart. Errors: `conflict` while work runs. */
    choose: { input: { provider: string }; output: EngineTruth };
  };
  project: {
    get: { input: void; output: ProjectInfo };
    update: { input: { name?: string | undefined; user?: string | undefined }; output: ProjectInfo };
    saveClass: { input: { id: number | null; name: string; color: string }; output: ProjectInfo };
  };
  slide: {
    get: { input: { slideId: string }; output: SlideDetails };
    add: { input: { path: string }; output: SlideSummary };
    /** What lies in an opened folder; null lists the opened folders themselves. Errors: `forbidden` outside them. */
    browse: { input: { folder: string | null }; output: FolderListing };
    /** Micrometres per level-0 pixel, by a person's word; only where the file is silent or doubtful. */
    setPixelSize: { input: { slideId: string; pixelSizeUm: number }; output: SlideDetails };
  };
  mask: {
    edit: { input: EditInput; output: EditResult };
    undo: { input: { slideId: string; requestId: string }; output: EditResult };
    redo: { input: { slideId: string; requestId: string }; output: EditResult };
    history: { input: { slideId: string; limit: number }; output: readonly HistoryEntry[] };
    /** Lays a GeoJSON file or a label image over the human layer as one undoable edit. */
    importFile: { input: ImportInput; output: EditResult };
    /** Tiles that exist in a layer, flat column, row …, so that a viewer asks for no empty one. */
    tiles: { input: { layerId: number }; output: { revision: number; tiles: readonly number[] } };
  };
  model: {
    list: { input: void; output: readonly ModelVersion[] };
    activate: { input: { modelId: string }; output: ModelVersion };
    /** Looks at a model file, stores nothing. Errors: `model-unusable`, each with what to do. */
    examine: {
      input: { path: string; choices: Pick<ModelChoices, 'output' | 'activation' | 'channelOrder'> | null };
      output: ModelExamination;
    };
    /** Runs it on the piece of a slide around a level-0 point, stores nothing. */
    trial: {
      input: { path: string; choices: ModelChoices; slideId: string; x: number; y: number };
      output: ModelTrial;
    };
    /** `choices` null: what the card beside the file says, else what examining suggests. */
    import: { input: { path: string; choices?: ModelChoices | null | undefined }; output: ModelVersion };
  };
  predict: {
    /**
     * `region` null: the whole slide, tissue only. `eightBit`: the model in 8 bits, about twice as fast; refused
     * (`model-unusable`) where it does not say the same as the full model on this slide.
     */
    start: {
      input: { slideId: string; region: Rect | null; modelId: string | null; eightBit?: boolean | undefined };
      output: JobState;
    };
  };
  train: {
    start: { input: { steps: number | null; seed: number | null }; output: JobState };
  };
  export: {
    start: {
      input: { slideIds: readonly string[]; formats: readonly ExportFormat[]; folder: string | null };
      output: JobState;
    };
  };
  job: {
    list: { input: void; output: readonly JobState[] };
    cancel: { input: { jobId: string }; output: JobState };
    resume: { input: { jobId: string }; output: JobState };
  };
}

export type Noun = keyof Contract;
export type Verb<N extends Noun> = keyof Contract[N];
export type InputOf<N extends Noun, V extends Verb<N>> = Contract[N][V] extends { input: infer I } ? I : never;
export type OutputOf<N extends Noun, V extends Verb<N>> = Contract[N][V] extends { output: infer O } ? O : never;

/** How a caller sees the contract: `client.mask.edit(input)`. */
export type Client = {
  readonly [N in Noun]: {
    readonly [V in Verb<N>]: (input: InputOf<N, V>, options?: { readonly signal?: unknown }) => Promise<OutputOf<N, V>>;
  };
};
