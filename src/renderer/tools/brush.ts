/** The brush and its twin the eraser: a round tip dragged along the pointer. What is drawn piece by piece is what is sent. */
import type { EditOperation } from '../../core/contract.ts';
import type { Finished, Gesture, Progress, Sample, StartGesture } from './tool.ts';
import { NOTHING_TO_SHOW } from './tool.ts';

/** Samples nearer than this part of a screen pixel add points but no picture. */
const FINEST_STEP = 0.5;

/** Starts a brush stroke with the class in hand, or an erasing one. */
export const startBrush: StartGesture = (first, settings) => {
  const label = settings.erasing ? settings.eraserLabel : settings.label;
  const tool = settings.erasing ? 'eraser' : 'brush';
  const radius = settings.brushRadius;
  const points: number[] = [first.x, first.y];
  const stroke = (part: readonly number[]): EditOperation => ({ kind: 'stroke', points: part, radius, label });

  /** The points from the last one drawn on, so that pieces join; null where the pointer hardly moved. */
  function extend(samples: readonly Sample[]): number[] | null {
    const piece = points.slice(-2);
    for (const { x, y } of samples) {
      const dx = x - points[points.length - 2]!;
      const dy = y - points[points.length - 1]!;
      if (Math.hypot(dx, dy) < FINEST_STEP * settings.slidePxPerScreenPx) continue;
      points.push(x, y);
      piece.push(x, y);
    }
    return piece.length > 2 ? piece : null;
  }

  const gesture: Gesture = {
    move(samples): Progress {
      const piece = extend(samples);
      return piece === null ? NOTHING_TO_SHOW : { piece: stroke(piece), outline: null };
    },
    end(samples): Finished {
      extend(samples);
      return { operation: stroke(points), tool };
    },
  };
  return { gesture, progress: { piece: stroke(points.slice()), outline: null } };
};
