import { expect, test } from 'vitest';
import { killStrokes } from '../../tools/kill-strokes.ts';

test('fifty kills right after acknowledged strokes lose none, and leave no half of one', {
  timeout: 300_000,
}, async () => {
  const report = await killStrokes(50, 20261121);
  expect(report).toMatchObject({ kills: 50, lost: [], unexpected: [], integrity: 'ok', contentMatches: true });
  expect(report.recorded).toBeGreaterThan(100);
  expect(report.tiles).toBeGreaterThan(8);
});
