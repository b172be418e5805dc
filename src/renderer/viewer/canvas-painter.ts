/** Draws mask planes with a plain 2D canvas: the painter that works everywhere. It keeps one coloured picture a plane. */
import type { Rect } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { type Affine, scaleOf } from './affine.ts';
import { fillColors, outlineColors } from './colorise.ts';
import {
  fitCanvas,
  OUTLINE_MIN_OPACITY,
  OUTLINE_PX,
  type Painter,
  type PlacedPlane,
  type PlaneLabels,
  type Screen,
} from './painter.ts';
import { type Look, makePalette, type Palette } from './palette.ts';

interface Picture {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
  labels: PlaneLabels;
  /** What the colours were made for; 0 for a filled picture. */
  reach: number;
  usedAt: number;
}

const WHOLE: Rect = { x: 0, y: 0, width: MASK_TILE_PX, height: MASK_TILE_PX };
const MAX_PICTURES = 64;

export function createCanvasPainter(): Painter {
  return new CanvasPainter();
}

class CanvasPainter implements Painter {
  readonly kind = 'canvas2d';
  readonly canvas = document.createElement('canvas');
  private readonly context = this.canvas.getContext('2d')!;
  private readonly pictures = new Map<string, Picture>();
  private look: Look | null = null;
  private palette: Palette | null = null;
  private reach = 1;
  private clock = 0;

  setLook(next: Look): void {
    const { look } = this;
    const sameColors =
      look !== null &&
      look.classes === next.classes &&
      look.fill === next.fill &&
      look.hiddenClasses === next.hiddenClasses &&
      look.showOrigin === next.showOrigin;
    this.look = next;
    if (sameColors) return;
    this.palette = makePalette(next);
    for (const picture of this.pictures.values()) this.recolor(picture, WHOLE);
  }

  holds(key: string): boolean {
    return this.pictures.has(key);
  }

  upload(key: string, labels: PlaneLabels, changed: Rect | null): void {
    const known = this.pictures.get(key);
    const picture = known ?? newPicture(labels);
    picture.labels = labels;
    this.pictures.set(key, picture);
    this.recolor(picture, known === undefined || changed === null ? WHOLE : changed);
  }

  draw(map: Affine, screen: Screen, planes: readonly PlacedPlane[]): void {
    const { canvas, context, look } = this;
    this.clock++;
    fitCanvas(canvas, screen);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (look === null) return;
    context.globalAlpha = look.fill ? look.opacity : Math.max(OUTLINE_MIN_OPACITY, look.opacity);
    for (const plane of planes) {
      const picture = this.pictures.get(plane.key);
      if (picture === undefined) continue;
      picture.usedAt = this.clock;
      this.reach = reachAt((scaleOf(map) * plane.edgePx) / MASK_TILE_PX);
      if (!look.fill && picture.reach !== this.reach) this.recolor(picture, WHOLE);
      placePicture(context, map, screen.ratio, plane);
      context.drawImage(picture.canvas, 0, 0);
    }
    this.forgetOld();
  }

  forget(): void {
    this.pictures.clear();
  }

  dispose(): void {
    this.pictures.clear();
  }

  private recolor(picture: Picture, changed: Rect): void {
    const { look, palette, reach } = this;
    if (look === null || palette === null) return;
    const area = look.fill ? changed : grow(changed, reach);
    const image = new ImageData(area.width, area.height);
    const pixels = new Uint32Array(image.data.buffer);
    if (look.fill) fillColors(pixels, picture.labels, area, palette);
    else outlineColors(pixels, picture.labels, area, { palette, reach });
    picture.reach = look.fill ? 0 : reach;
    picture.context.putImageData(image, area.x, area.y);
  }

  private forgetOld(): void {
    if (this.pictures.size <= MAX_PICTURES) return;
    const oldest = [...this.pictures].filter(([, picture]) => picture.usedAt < this.clock);
    oldest.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key] of oldest.slice(0, this.pictures.size - MAX_PICTURES)) this.pictures.delete(key);
  }
}

function newPicture(labels: PlaneLabels): Picture {
  const canvas = new OffscreenCanvas(MASK_TILE_PX, MASK_TILE_PX);
  return { canvas, context: canvas.getContext('2d')!, labels, reach: 0, usedAt: 0 };
}

/** Whole plane pixels that come nearest to the outline's width on screen. */
function reachAt(screenPxPerPlanePx: number): number {
  return Math.max(1, Math.round(OUTLINE_PX / screenPxPerPlanePx));
}

/** Sharp squares when a mask pixel is larger than a screen pixel, smooth ones otherwise. */
function placePicture(context: CanvasRenderingContext2D, map: Affine, ratio: number, plane: PlacedPlane): void {
  const step = plane.edgePx / MASK_TILE_PX;
  const { a, b, c, d } = map;
  const e = a * plane.x + c * plane.y + map.e;
  const f = b * plane.x + d * plane.y + map.f;
  context.imageSmoothingEnabled = scaleOf(map) * step * ratio < 1;
  context.setTransform(a * step * ratio, b * step * ratio, c * step * ratio, d * step * ratio, e * ratio, f * ratio);
}

function grow({ x, y, width, height }: Rect, by: number): Rect {
  const left = Math.max(0, x - by);
  const top = Math.max(0, y - by);
  return {
    x: left,
    y: top,
    width: Math.min(MASK_TILE_PX, x + width + by) - left,
    height: Math.min(MASK_TILE_PX, y + height + by) - top,
  };
}
