/** What follows the pointer: the ring that shows the brush's size, and the outline of a shape being drawn. Marks only. */
import type { Point } from '../../core/geometry.ts';
import { type Affine, apply } from './affine.ts';

const SVG = 'http://www.w3.org/2000/svg';

export interface PointerMarks {
  readonly element: SVGSVGElement;
  /** A ring of this diameter (CSS pixels), or none. */
  ring(center: Point | null, diameterPx: number, color: string): void;
  /** Flat x, y list in level-0 pixels; null removes it. */
  outline(points: readonly number[] | null, color: string): void;
  /** The view moved. */
  place(map: Affine): void;
}

function shape(name: string, className: string): SVGElement {
  const element = document.createElementNS(SVG, name);
  element.setAttribute('class', className);
  return element;
}

/** Each mark is drawn twice, dark under bright, so that it shows on any tissue. */
export function createPointerMarks(): PointerMarks {
  const element = document.createElementNS(SVG, 'svg');
  element.setAttribute('class', 'pointer-marks');
  element.setAttribute('aria-hidden', 'true');
  const rings = [shape('circle', 'mark-under'), shape('circle', 'mark-over')];
  const paths = [shape('path', 'mark-under'), shape('path', 'mark-over dashed')];
  element.append(...rings, ...paths);
  let points: readonly number[] | null = null;
  let lastMap: Affine | null = null;

  function drawOutline() {
    const map = lastMap;
    let d = '';
    for (let i = 0; map !== null && points !== null && i + 1 < points.length; i += 2) {
      const { x, y } = apply(map, { x: points[i]!, y: points[i + 1]! });
      d += `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    for (const path of paths) path.setAttribute('d', d === '' ? '' : `${d}Z`);
  }

  return {
    element,
    ring(center, diameterPx, color) {
      for (const ring of rings) {
        ring.style.display = center === null ? 'none' : '';
        if (center === null) continue;
        ring.setAttribute('cx', String(center.x));
        ring.setAttribute('cy', String(center.y));
        ring.setAttribute('r', String(Math.max(1, diameterPx / 2)));
      }
      rings[1]!.style.stroke = color;
    },
    outline(next, color) {
      points = next;
      paths[1]!.style.stroke = color;
      drawOutline();
    },
    place(map) {
      lastMap = map;
      if (points !== null) drawOutline();
    },
  };
}
