/** Chooses who draws the mask: the graphics card where there is one, a plain canvas otherwise, and when the card is lost. */
import type { Rect } from '../../core/geometry.ts';
import type { Affine } from './affine.ts';
import { createCanvasPainter } from './canvas-painter.ts';
import { hasHardwareWebgl } from './graphics.ts';
import type { Painter, PlacedPlane, PlaneLabels, Screen } from './painter.ts';
import type { Look } from './palette.ts';
import { createWebglPainter } from './webgl-painter.ts';

/** Mounts a painter's canvas in `parent`; `redraw` is called when everything must be drawn anew. */
export function createPainter(parent: HTMLElement, redraw: () => void, webgl = hasHardwareWebgl()): Painter {
  return new ReplaceablePainter(parent, redraw, webgl);
}

/** One painter that may become another: the new one holds nothing, so every plane is uploaded to it again. */
class ReplaceablePainter implements Painter {
  private readonly parent: HTMLElement;
  private readonly redraw: () => void;
  private current: Painter;
  private look: Look | null = null;
  private disposed = false;

  constructor(parent: HTMLElement, redraw: () => void, webgl: boolean) {
    this.parent = parent;
    this.redraw = redraw;
    this.current = (webgl ? createWebglPainter(() => this.fallBack()) : null) ?? createCanvasPainter();
    parent.replaceChildren(this.current.canvas);
  }

  get kind() {
    return this.current.kind;
  }
  get canvas() {
    return this.current.canvas;
  }

  setLook(look: Look): void {
    this.look = look;
    this.current.setLook(look);
  }
  holds(key: string): boolean {
    return this.current.holds(key);
  }
  upload(key: string, labels: PlaneLabels, changed: Rect | null): void {
    this.current.upload(key, labels, changed);
  }
  draw(map: Affine, screen: Screen, planes: readonly PlacedPlane[]): void {
    this.current.draw(map, screen, planes);
  }
  forget(): void {
    this.current.forget();
  }
  dispose(): void {
    this.disposed = true;
    this.current.dispose();
    this.parent.replaceChildren();
  }

  private fallBack(): void {
    if (this.disposed) return;
    this.current = createCanvasPainter();
    if (this.look !== null) this.current.setLook(this.look);
    this.parent.replaceChildren(this.current.canvas);
    this.redraw();
  }
}
