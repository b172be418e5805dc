/** What an export is asked and what it answers. Types only: the workstation fills them, `export-project.ts` writes the files. */
import type { CancelSignal } from '../../core/cancel.ts';
import type { ExportFormat } from '../../core/contract.ts';
import type { Rect } from '../../core/geometry.ts';
import type { LabelClass } from '../../core/label.ts';
import type { SlideInfo } from '../../core/slide.ts';

export interface ExportSlide {
  readonly slideId: string;
  readonly name: string;
  /** Of the slide file, lower-case hexadecimal. */
  readonly sha256: string;
  readonly info: SlideInfo;
  /** Level-0 pixels per mask pixel. */
  readonly maskDownsample: number;
  readonly maskWidthPx: number;
  readonly maskHeightPx: number;
  /** Human layer of a rectangle in mask pixels, row-major, one byte a pixel (core/label). */
  readHuman(maskRect: Rect): Promise<Uint8Array>;
  /** The chosen prediction layer likewise; zeros where there is none. */
  readPrediction(maskRect: Rect): Promise<Uint8Array>;
  /** Mask tiles (512) that hold anything in either layer, flat column, row, column, row … in any order. */
  readonly tiles: readonly number[];
  /** The model version behind the prediction layer; null where none is exported. */
  readonly predictionModelId: string | null;
}

export interface ExportModel {
  readonly modelId: string;
  readonly name: string;
  readonly sha256: string;
}

export interface ExportRequest {
  readonly slides: readonly ExportSlide[];
  readonly classes: readonly LabelClass[];
  /** Model versions that the exported pixels came from. */
  readonly models: readonly ExportModel[];
  readonly formats: readonly ExportFormat[];
  /** Where the export shall lie; made, or replaced where it is an earlier export of ours. */
  readonly folder: string;
  readonly toolVersion: string;
  /** `effective` (default): a person's word first, else the model's. `human-only`: drawn and accepted pixels alone. */
  readonly include?: 'effective' | 'human-only';
  /** Mask tiles done and in total. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: CancelSignal;
}

export interface ExportResult {
  readonly folder: string;
  /** Relative to `folder`, with `/`, sorted. */
  readonly files: readonly string[];
}
