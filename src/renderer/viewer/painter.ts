/** What draws mask planes on a canvas. Two makers: `canvas-painter.ts` everywhere, `webgl-painter.ts` on graphics cards. */
import type { Rect } from '../../core/geometry.ts';
import type { Affine } from './affine.ts';
import type { Look } from './palette.ts';

/** The labels of a 512×512 plane tile in both layers; null where a layer says nothing there. */
export interface PlaneLabels {
  readonly human: Uint8Array | null;
  readonly predicted: Uint8Array | null;
}

/** A plane tile on the slide: its top left corner and edge in level-0 pixels. */
export interface PlacedPlane {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly edgePx: number;
}

/** Size of the viewer in CSS pixels, and device pixels per CSS pixel. */
export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
}

/** Width of outlines in CSS pixels. */
export const OUTLINE_PX = 2;
/** Outlines stay visible on a mask that is shown faintly. */
export const OUTLINE_MIN_OPACITY = 0.9;

export interface Painter {
  readonly kind: 'webgl2' | 'canvas2d';
  readonly canvas: HTMLCanvasElement;
  setLook(look: Look): void;
  /** True where the painter still holds this plane. */
  holds(key: string): boolean;
  /** Takes over the labels of a plane, or only the changed rectangle of them (plane pixels). */
  upload(key: string, labels: PlaneLabels, changed: Rect | null): void;
  /** Clears the canvas and draws the planes; `map` goes from level-0 pixels to CSS pixels. Forgets planes not drawn for long. */
  draw(map: Affine, screen: Screen, planes: readonly PlacedPlane[]): void;
  /** Drops every plane: all are uploaded anew. */
  forget(): void;
  dispose(): void;
}

/** Gives a canvas the viewer's size in device pixels; it is left alone where it has it. */
export function fitCanvas(canvas: HTMLCanvasElement, { width, height, ratio }: Screen): void {
  const widthPx = Math.max(1, Math.round(width * ratio));
  const heightPx = Math.max(1, Math.round(height * ratio));
  if (canvas.width !== widthPx) canvas.width = widthPx;
  if (canvas.height !== heightPx) canvas.height = heightPx;
}
