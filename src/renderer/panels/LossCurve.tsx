/** The training loss as a line: step to the right, loss upward, both axes named. A small SVG, no chart library. */
import { formatNumber } from '../format.ts';
import { texts } from '../texts.ts';

const WIDTH = 300;
const HEIGHT = 130;
const LEFT = 58;
const BOTTOM = 26;
const TOP = 10;
const RIGHT = 8;

type Point = readonly [step: number, loss: number];

/** `loss` is a flat list: step, loss, step, loss … */
export function LossCurve({ loss }: { readonly loss: readonly number[] }) {
  const points = pairs(loss);
  if (points.length < 2) return null;
  const first = points[0]!;
  const last = points[points.length - 1]!;
  const values = points.map(([, value]) => value);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const spread = high - low || Math.abs(high) || 1;
  const x = (step: number) => LEFT + ((step - first[0]) / (last[0] - first[0] || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - ((value - low) / spread) * (HEIGHT - BOTTOM - TOP);
  const line = (list: readonly Point[]) =>
    list.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
  const label = texts.train.curve(formatNumber(first[1]), formatNumber(last[1]));
  return (
    <svg className="loss-curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {[low, low + spread / 2, low + spread].map((value) => (
        <g key={value}>
          <line x1={LEFT} x2={WIDTH - RIGHT} y1={y(value)} y2={y(value)} className="grid" />
          <text x={LEFT - 6} y={y(value) + 4} textAnchor="end">
            {formatNumber(value)}
          </text>
        </g>
      ))}
      <text x={LEFT} y={HEIGHT - 8}>
        {first[0]}
      </text>
      <text x={(LEFT + WIDTH) / 2} y={HEIGHT - 8} textAnchor="middle">
        {texts.train.step}
      </text>
      <text x={WIDTH - RIGHT} y={HEIGHT - 8} textAnchor="end">
        {last[0]}
      </text>
      <text transform={`translate(10 ${(HEIGHT - BOTTOM + TOP) / 2}) rotate(-90)`} textAnchor="middle">
        {texts.train.loss}
      </text>
      <polyline points={line(points)} className="raw" />
      <polyline points={line(smoothed(points))} className="curve" />
    </svg>
  );
}

/** Steps whose loss is a number; a diverged step leaves a gap, not a broken picture. */
function pairs(flat: readonly number[]): Point[] {
  const points: Point[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    if (Number.isFinite(flat[i]) && Number.isFinite(flat[i + 1])) points.push([flat[i]!, flat[i + 1]!]);
  }
  return points;
}

const WINDOW = 9;

/** The mean of the steps so far, the last nine at most: single batches differ more than training does. */
function smoothed(points: readonly Point[]): Point[] {
  return points.map(([step], i) => {
    const recent = points.slice(Math.max(0, i - WINDOW + 1), i + 1);
    return [step, recent.reduce((sum, [, value]) => sum + value, 0) / recent.length];
  });
}
