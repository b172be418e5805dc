/**
 * Tools that draw a closed outline by hand: the lasso paints its inside, `accept` takes the prediction inside it over.
 * A click without a drag means the spot under the pointer.
 */
import type { EditOperation } from '../../core/contract.ts';
import type { Finished, Gesture, GestureSettings, Sample, StartGesture } from './tool.ts';

const FINEST_STEP = 1;
/** A drag within this many screen pixels is a click. */
const CLICK_PX = 4;
const CLICK_CORNERS = 16;

/** A freehand outline that is filled with the class in hand (or erased while the modifier is held). */
export const startLasso: StartGesture = (first, settings) => {
  const label = settings.erasing ? settings.eraserLabel : settings.label;
  return startOutline(first, settings, (points) => ({
    operation: { kind: 'polygon', points, label },
    tool: settings.erasing ? 'lasso eraser' : 'lasso',
  }));
};

/** Takes over the prediction inside a freehand outline, or under a disc of the brush's size for a click. */
export const startAccept: StartGesture = (first, settings) => {
  const predictionLayerId = settings.predictionLayerId;
  return startOutline(first, settings, (points, click) => {
    if (predictionLayerId === null) return null;
    const shape = click ? disc(first, settings.brushRadius) : points;
    const operation: EditOperation = { kind: 'accept', points: shape, predictionLayerId };
    return { operation, tool: 'accept' };
  });
};

type Finish = (points: readonly number[], click: boolean) => Finished | null;

function startOutline(first: Sample, settings: GestureSettings, finish: Finish): ReturnType<StartGesture> {
  const points: number[] = [first.x, first.y];
  let farthest = 0;

  function extend(samples: readonly Sample[]): void {
    for (const { x, y } of samples) {
      farthest = Math.max(farthest, Math.hypot(x - first.x, y - first.y));
      const step = Math.hypot(x - points[points.length - 2]!, y - points[points.length - 1]!);
      if (step >= FINEST_STEP * settings.slidePxPerScreenPx) points.push(x, y);
    }
  }

  const gesture: Gesture = {
    move(samples) {
      extend(samples);
      return { piece: null, outline: points };
    },
    end(samples) {
      extend(samples);
      const click = farthest < CLICK_PX * settings.slidePxPerScreenPx || points.length < 6;
      const finished = finish(points, click);
      return click && finished?.operation.kind === 'polygon' ? null : finished;
    },
  };
  return { gesture, progress: { piece: null, outline: points } };
}

/** A regular polygon about a point, flat x, y list. */
function disc(center: Sample, radius: number): number[] {
  const points: number[] = [];
  for (let i = 0; i < CLICK_CORNERS; i++) {
    const angle = (i / CLICK_CORNERS) * 2 * Math.PI;
    points.push(center.x + radius * Math.cos(angle), center.y + radius * Math.sin(angle));
  }
  return points;
}
