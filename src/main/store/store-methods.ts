/**
 * Everything the store can do, as one page of types. `project-database.ts` answers them synchronously in a worker
 * thread; `store.ts` is the promise-shaped front that the workstation holds. Rows here are plain data: they cross a thread border.
 */
import type { EditOperation, EditResult, HistoryEntry, HistoryState, ModelState } from '../../core/contract.ts';
import type { Rect } from '../../core/geometry.ts';
import type { LabelClass } from '../../core/label.ts';

export interface ProjectRow {
  readonly projectId: string;
  readonly name: string;
  readonly user: string;
  readonly createdAt: string;
  readonly liveModelId: string | null;
  readonly classes: readonly LabelClass[];
}

export interface SlideRow {
  readonly slideId: string;
  readonly name: string;
  /** Absolute, or relative to the project folder where the slide lies inside it. */
  readonly path: string;
  readonly sha256: string;
  readonly widthPx: number;
  readonly heightPx: number;
  /** A person's word on the pixel size, or null: then the file's own holds. */
  readonly userPixelSizeUm: number | null;
  readonly maskDownsample: number;
  readonly humanLayerId: number;
}

export interface NewSlide {
  readonly slideId: string;
  readonly name: string;
  readonly path: string;
  readonly sha256: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly maskDownsample: number;
}

export interface LayerRow {
  readonly layerId: number;
  readonly slideId: string;
  readonly kind: 'human' | 'prediction';
  readonly modelId: string | null;
  readonly createdAt: string;
  /** Human layers: the last edit id. Prediction layers: a counter that grows with every write. */
  readonly revision: number;
}

/** Labels of one 512×512 mask tile, one byte a pixel (core/label). */
export interface TileLabels {
  readonly column: number;
  readonly row: number;
  readonly labels: Uint8Array;
}

export interface EditRecord {
  readonly layerId: number;
  readonly requestId: string;
  readonly tool: string;
  readonly user: string;
  readonly modelId: string | null;
}

/** A 256×256 mask-pixel block that holds corrections; once assigned, a block never changes its part. */
export interface CorrectionBlock {
  readonly slideId: string;
  readonly layerId: number;
  readonly column: number;
  readonly row: number;
  readonly part: 'train' | 'held-out';
  readonly editId: number;
}

export interface ModelRow {
  readonly modelId: string;
  readonly name: string;
  readonly parentId: string | null;
  readonly createdAt: string;
  readonly state: ModelState;
  readonly sha256: string;
  /** Relative to the project folder. */
  readonly path: string;
  /** Model card as JSON: classes, pixel size, normalisation, scores, licence (see main/engine). */
  readonly card: string;
  /** TrainingRecord as JSON, or null. */
  readonly training: string | null;
}

export interface JobRow {
  readonly jobId: string;
  readonly kind: string;
  /** JobState as JSON (core/contract). */
  readonly state: string;
  /** What the job was asked, as JSON, so that it can be resumed. */
  readonly input: string;
}

export interface StoreMethods {
  project(): ProjectRow;
  updateProject(change: { name?: string; user?: string; liveModelId?: string }): ProjectRow;
  /** id null adds the next free class (2..127). Errors: `bad-input` (no id left, empty or taken name). */
  saveClass(change: { id: number | null; name: string; color: string }): ProjectRow;

  slides(): SlideRow[];
  addSlide(slide: NewSlide): SlideRow;
  setUserPixelSize(slideId: string, pixelSizeUm: number): SlideRow;
  /** The same slide file, found elsewhere. */
  moveSlide(slideId: string, path: string): SlideRow;

  layer(layerId: number): LayerRow;
  layersOf(slideId: string): LayerRow[];
  /** The slide's prediction layer of that model version, made when missing. */
  predictionLayer(slideId: string, modelId: string): LayerRow;

  /**
   * One gesture on a human layer, in one transaction: tiles, edit row, history, blocks. Returns when it is on disk.
   * A requestId seen before changes nothing and gets the current state. Errors: `bad-input`, `not-found`, `disk-full`, `disk-read-only`.
   */
  edit(record: EditRecord, operation: EditOperation): EditResult;
  /** Lays labels over a human layer as one undoable edit; byte 0 leaves what is there, any other byte replaces it. */
  importLabels(record: EditRecord, tiles: readonly TileLabels[]): EditResult;
  undo(layerId: number, requestId: string, user: string): EditResult;
  redo(layerId: number, requestId: string, user: string): EditResult;
  history(slideId: string, limit: number): HistoryEntry[];
  historyState(slideId: string): HistoryState;

  /** Run-length coded tile (core/mask/codec), or null where nothing is stored. */
  tile(layerId: number, column: number, row: number): Uint8Array | null;
  /** Flat column, row, column, row … of the tiles that hold any label. */
  tiles(layerId: number): number[];
  /** Labels of a rectangle in mask pixels, row-major, zeros where nothing is stored. */
  readLabels(layerId: number, maskRect: Rect): Uint8Array;

  /**
   * Stores predicted tiles and marks them as done in one transaction; labels null marks a tile of glass.
   * Returns the layer's new revision.
   */
  putPrediction(layerId: number, tiles: readonly { column: number; row: number; labels: Uint8Array | null }[]): number;
  /** Forgets every tile of a prediction layer, so that it is predicted anew. Returns the layer's new revision. */
  clearPrediction(layerId: number): number;
  /** Tiles already done (glass included), flat column, row …: a resumed prediction skips them. */
  predictedTiles(layerId: number): number[];

  correctionBlocks(): CorrectionBlock[];
  /** Ordinary and imported edits that are not undone, over all slides. */
  correctionCount(): number;

  models(): ModelRow[];
  addModel(model: ModelRow): void;
  setModelState(modelId: string, state: ModelState): void;

  jobs(): JobRow[];
  saveJob(job: JobRow): void;
}

/** The same, as the workstation holds it: each call is answered by the database thread, in order. */
export type Store = {
  readonly [K in keyof StoreMethods]: (...args: Parameters<StoreMethods[K]>) => Promise<ReturnType<StoreMethods[K]>>;
} & {
  readonly folder: string;
  readonly readOnly: boolean;
  close(): Promise<void>;
};
