/** What every format's writer is given, and what it gives. Types and the class table; no format lives here. */
import type { LabelClass } from '../../core/label.ts';
import type { ExportFiles } from './export-file.ts';
import type { SlideWriter } from './export-slide.ts';
import type { ExportSlide } from './export-types.ts';

export interface NamedSlide {
  readonly slide: ExportSlide;
  /** Safe as a file name, and no other slide's. */
  readonly fileName: string;
}

export interface FormatContext {
  readonly files: ExportFiles;
  readonly slides: readonly NamedSlide[];
  readonly classes: readonly LabelClass[];
  readonly toolVersion: string;
}

/** A format over all slides of an export. */
export interface FormatWriter {
  slide(slide: NamedSlide): Promise<SlideWriter>;
  finish(): Promise<void>;
}

/** Which pixel (0, 0) is and where a corner lies; written into every file that has coordinates. */
export const COORDINATES =
  'level-0 pixels of the stored picture; (0, 0) is its upper left corner, x to the right, y down; vertices are pixel ' +
  'corners; no bounds offset (OpenSlide bounds-x, bounds-y) is applied';

/** A label that lost its class still has a name, so that nothing drawn is left out. */
export function classOfLabel(classes: readonly LabelClass[], id: number): LabelClass {
  return classes.find((known) => known.id === id) ?? { id, name: `Class ${id}`, color: '#808080' };
}
