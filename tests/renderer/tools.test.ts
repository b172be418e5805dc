/** The tools as machines: samples in, drawings and one operation out. */
import { expect, test } from 'vitest';
import type { EditOperation } from '../../src/core/contract.ts';
import { spansOfOperation } from '../../src/core/mask/edit.ts';
import { createMaskGrid } from '../../src/core/mask/tile-grid.ts';
import { createRandom } from '../../src/core/random.ts';
import { startBrush } from '../../src/renderer/tools/brush.ts';
import { startAccept, startLasso } from '../../src/renderer/tools/lasso.ts';
import type { GestureSettings, Sample } from '../../src/renderer/tools/tool.ts';
import { GESTURES } from '../../src/renderer/tools/toolbox.ts';

const settings: GestureSettings = {
  label: 2,
  eraserLabel: 1,
  erasing: false,
  brushRadius: 10,
  slidePxPerScreenPx: 1,
  predictionLayerId: 7,
};
const at = (x: number, y: number): Sample => ({ x, y, pressure: 0.5 });

function pixelsOf(operations: readonly EditOperation[]): Set<string> {
  const grid = createMaskGrid(2000, 2000, 2);
  const pixels = new Set<string>();
  for (const operation of operations) {
    const spans = spansOfOperation(grid, operation);
    for (let i = 0; i < spans.length; i += 3) {
      for (let x = spans[i + 1]!; x < spans[i + 2]!; x++) pixels.add(`${x},${spans[i]}`);
    }
  }
  return pixels;
}

test('what the brush draws piece by piece is exactly what it sends', () => {
  const random = createRandom(5);
  for (let round = 0; round < 20; round++) {
    const { gesture, progress } = startBrush(at(400, 400), { ...settings, brushRadius: 1 + random.next() * 60 });
    const pieces = [progress.piece];
    let [x, y] = [400, 400];
    for (let event = 0; event < 8; event++) {
      const samples = Array.from({ length: 1 + random.int(4) }, () => {
        x += random.normal() * 30;
        y += random.normal() * 30;
        return at(x, y);
      });
      pieces.push(gesture.move(samples).piece);
    }
    const finished = gesture.end([]);
    const drawn = pixelsOf(pieces.filter((piece) => piece !== null));
    expect(drawn).toEqual(pixelsOf([finished!.operation]));
  }
});

test('a click with the brush is a disc', () => {
  const finished = startBrush(at(50, 60), settings).gesture.end([at(50, 60)]);
  expect(finished).toEqual({ operation: { kind: 'stroke', points: [50, 60], radius: 10, label: 2 }, tool: 'brush' });
});

test('samples that hardly move on screen add no points, at any zoom', () => {
  const { gesture } = startBrush(at(0, 0), { ...settings, slidePxPerScreenPx: 16 });
  gesture.move([at(1, 1), at(2, 2), at(3, 3), at(100, 0)]);
  expect(gesture.end([])!.operation.points).toEqual([0, 0, 100, 0]);
});

test('the held modifier erases with what the eraser leaves, and the history says eraser', () => {
  const finished = startBrush(at(5, 5), { ...settings, erasing: true, eraserLabel: 0 }).gesture.end([]);
  expect(finished).toMatchObject({ tool: 'eraser', operation: { label: 0 } });
  const tool = GESTURES.eraser!(at(5, 5), settings).gesture.end([]);
  expect(tool).toMatchObject({ tool: 'eraser', operation: { label: 1 } });
});

test('a lasso is the polygon drawn; a click with it means nothing', () => {
  const { gesture } = startLasso(at(0, 0), settings);
  expect(gesture.move([at(50, 0), at(50, 50)]).outline).toEqual([0, 0, 50, 0, 50, 50]);
  expect(gesture.end([at(0, 50)])).toEqual({
    operation: { kind: 'polygon', points: [0, 0, 50, 0, 50, 50, 0, 50], label: 2 },
    tool: 'lasso',
  });
  expect(startLasso(at(9, 9), settings).gesture.end([at(9, 9)])).toBeNull();
});

test('accept takes the prediction inside the outline, or under a disc for a click', () => {
  const { gesture } = startAccept(at(0, 0), settings);
  gesture.move([at(80, 0), at(80, 80)]);
  expect(gesture.end([])).toMatchObject({ tool: 'accept', operation: { kind: 'accept', predictionLayerId: 7 } });
  const click = startAccept(at(100, 100), settings).gesture.end([]);
  const distances = [];
  const points = click!.operation.points;
  for (let i = 0; i < points.length; i += 2) distances.push(Math.hypot(points[i]! - 100, points[i + 1]! - 100));
  expect(distances.length).toBeGreaterThan(7);
  for (const distance of distances) expect(distance).toBeCloseTo(10, 6);
});

test('there is nothing to accept where no prediction is on screen', () => {
  const { gesture } = startAccept(at(0, 0), { ...settings, predictionLayerId: null });
  gesture.move([at(80, 0), at(80, 80)]);
  expect(gesture.end([])).toBeNull();
});

test('the moving tool starts no gesture', () => {
  expect(GESTURES.pan).toBeNull();
});
