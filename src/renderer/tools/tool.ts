/**
 * What a tool is: a small machine fed with pointer events in slide coordinates, that answers with drawings to show at once
 * and, at the end of a gesture, with one operation. Tools know no screen, no React and no server.
 */
import type { EditOperation } from '../../core/contract.ts';
import type { Point } from '../../core/geometry.ts';

/** A pointer sample: level-0 pixels, and the pressure of a pen (0…1; 0.5 for a mouse). */
export interface Sample extends Point {
  readonly pressure: number;
}

/** What holds when a gesture starts; it does not change under it. */
export interface GestureSettings {
  /** What the tool paints: a class, or 0 to give pixels back to the model. */
  readonly label: number;
  /** What it paints while the eraser modifier is held. */
  readonly eraserLabel: number;
  readonly erasing: boolean;
  /** Level-0 pixels. */
  readonly brushRadius: number;
  /** Level-0 pixels per screen pixel: how fine a gesture can be meant. */
  readonly slidePxPerScreenPx: number;
  /** The prediction on screen, for `accept`; null where none is. */
  readonly predictionLayerId: number | null;
}

/** A finished gesture, with the name it gets in the history. */
export interface Finished {
  readonly operation: EditOperation;
  readonly tool: string;
}

/** What to show after an event: a piece of the operation to lay into the mask, or the outline of a shape so far. */
export interface Progress {
  readonly piece: EditOperation | null;
  /** Flat x, y list of an open shape, null where the tool draws none. */
  readonly outline: readonly number[] | null;
}

export interface Gesture {
  move(samples: readonly Sample[]): Progress;
  /** Null where the gesture was too small to mean anything. */
  end(samples: readonly Sample[]): Finished | null;
}

/** Starts a gesture; the first progress belongs to the first sample. */
export type StartGesture = (first: Sample, settings: GestureSettings) => { gesture: Gesture; progress: Progress };

export const NOTHING_TO_SHOW: Progress = { piece: null, outline: null };
