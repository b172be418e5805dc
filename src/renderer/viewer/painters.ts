/** Chooses who draws the mask: the graphics card where there is one, a plain canvas otherwise, and when the card is lost. */
import { createCanvasPainter } from './canvas-painter.ts';
import type { Painter } from './painter.ts';

/** Mounts a painter's canvas in `parent`; `redraw` is called when everything must be drawn anew. */
export function createPainter(parent: HTMLElement, redraw: () => void): Painter {
  const painter = createCanvasPainter();
  parent.replaceChildren(painter.canvas);
  redraw();
  return painter;
}
