/** Draws mask planes with a plain 2D canvas: the painter that works everywhere. It keeps one coloured picture a plane. */
import { isEmptyRect, type Rect } from '../../core/geometry.ts';
import { MASK_TILE_PX, NOTHING } from '../../core/label.ts';
import { type Affine, scaleOf } from './affine.ts';
import { fitCanvas, type Painter, type PlacedPlane, type PlaneLabels } from './painter.ts';
import { classAt, colorOf, type Look, makePalette, type Palette } from './palette.ts';

interface Picture {
  readonly canvas: OffscreenCanvas;
  readonly context: OffscreenCanvasRenderingContext2D;
  labels: PlaneLabels;
  usedAt: number;
}

const WHOLE: Rect = { x: 0, y: 0, width: MASK_TILE_PX, height: MASK_TILE_PX };
const MAX_PICTURES = 64;
/** Outlines stay visible on a mask that is shown faintly. */
const OUTLINE_MIN_OPACITY = 0.9;

export function createCanvasPainter(): Painter {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d')!;
  const pictures = new Map<string, Picture>();
  let look: Look | null = null;
  let palette: Palette | null = null;
  let clock = 0;

  function recolor(picture: Picture, changed: Rect) {
    if (look === null || palette === null) return;
    const area = look.fill ? changed : grow(changed);
    if (isEmptyRect(area)) return;
    const image = new ImageData(area.width, area.height);
    const pixels = new Uint32Array(image.data.buffer);
    if (look.fill) fillColors(pixels, picture.labels, area, palette);
    else outlineColors(pixels, picture.labels, area, palette);
    picture.context.putImageData(image, area.x, area.y);
  }

  function forgetOld() {
    if (pictures.size <= MAX_PICTURES) return;
    const oldest = [...pictures].filter(([, picture]) => picture.usedAt < clock);
    oldest.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key] of oldest.slice(0, pictures.size - MAX_PICTURES)) pictures.delete(key);
  }

  return {
    kind: 'canvas2d',
    canvas,
    setLook(next) {
      const colorsChanged =
        look === null ||
        look.classes !== next.classes ||
        look.fill !== next.fill ||
        look.hiddenClasses !== next.hiddenClasses ||
        look.showOrigin !== next.showOrigin;
      look = next;
      if (!colorsChanged) return;
      palette = makePalette(next);
      for (const picture of pictures.values()) recolor(picture, WHOLE);
    },
    holds: (key) => pictures.has(key),
    upload(key, labels, changed) {
      const known = pictures.get(key);
      const picture = known ?? newPicture(labels);
      picture.labels = labels;
      pictures.set(key, picture);
      recolor(picture, known === undefined || changed === null ? WHOLE : changed);
    },
    draw(map, screen, planes) {
      clock++;
      fitCanvas(canvas, screen);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      if (look === null) return;
      context.globalAlpha = look.fill ? look.opacity : Math.max(OUTLINE_MIN_OPACITY, look.opacity);
      for (const plane of planes) {
        const picture = pictures.get(plane.key);
        if (picture === undefined) continue;
        picture.usedAt = clock;
        placePicture(context, map, screen.ratio, plane);
        context.drawImage(picture.canvas, 0, 0);
      }
      forgetOld();
    },
    forget: () => pictures.clear(),
    dispose: () => pictures.clear(),
  };
}

function newPicture(labels: PlaneLabels): Picture {
  const canvas = new OffscreenCanvas(MASK_TILE_PX, MASK_TILE_PX);
  return { canvas, context: canvas.getContext('2d')!, labels, usedAt: 0 };
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

function fillColors(pixels: Uint32Array, { human, predicted }: PlaneLabels, area: Rect, palette: Palette): void {
  for (let y = 0, to = 0; y < area.height; y++) {
    let at = (area.y + y) * MASK_TILE_PX + area.x;
    for (let x = 0; x < area.width; x++, at++, to++) {
      const said = human === null ? NOTHING : human[at]!;
      if (said !== NOTHING) pixels[to] = palette.human[said]!;
      else if (predicted !== null) pixels[to] = palette.predicted[predicted[at]!]!;
    }
  }
}

/** Only pixels with a neighbour of another class, within the plane. */
function outlineColors(pixels: Uint32Array, { human, predicted }: PlaneLabels, area: Rect, palette: Palette): void {
  const classIn = (at: number) =>
    classAt(human === null ? NOTHING : human[at]!, predicted === null ? NOTHING : predicted[at]!);
  for (let y = 0, to = 0; y < area.height; y++) {
    const row = area.y + y;
    for (let x = 0; x < area.width; x++, to++) {
      const column = area.x + x;
      const at = row * MASK_TILE_PX + column;
      const own = classIn(at);
      if (own === NOTHING) continue;
      const inside =
        (column === 0 || classIn(at - 1) === own) &&
        (column === MASK_TILE_PX - 1 || classIn(at + 1) === own) &&
        (row === 0 || classIn(at - MASK_TILE_PX) === own) &&
        (row === MASK_TILE_PX - 1 || classIn(at + MASK_TILE_PX) === own);
      if (!inside) pixels[to] = colorOf(palette, human?.[at] ?? NOTHING, predicted?.[at] ?? NOTHING);
    }
  }
}

function grow({ x, y, width, height }: Rect): Rect {
  const left = Math.max(0, x - 1);
  const top = Math.max(0, y - 1);
  return {
    x: left,
    y: top,
    width: Math.min(MASK_TILE_PX, x + width + 1) - left,
    height: Math.min(MASK_TILE_PX, y + height + 1) - top,
  };
}
