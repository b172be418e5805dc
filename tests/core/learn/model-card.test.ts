import { describe, expect, it } from 'vitest';
import { parseModelCard } from '../../../src/core/learn/model-card.ts';
import { CARD } from './stubs.ts';

const changed = (change: Record<string, unknown>) => () => parseModelCard({ ...CARD, ...change });

describe('a model card', () => {
  it('survives being written and read', () => {
    expect(parseModelCard(JSON.parse(JSON.stringify(CARD)))).toEqual(CARD);
  });

  it.each([
    ['classes', { classes: ['Background'] }],
    ['classes', { classes: ['A', 'A'] }],
    ['classes[1]', { classes: ['A', ''] }],
    ['pixelSizeUm', { pixelSizeUm: 0 }],
    ['pixelSizeUm', { pixelSizeUm: '0.5' }],
    ['layout', { layout: 'NHWC' }],
    ['format', { format: 'other' }],
    ['sizeMultiple', { sizeMultiple: 1.5 }],
    ['sizeMultiple', { sizeMultiple: 1e9 }],
    ['normalisation', { normalisation: null }],
    ['normalisation.mean', { normalisation: { mean: [0, 0], deviation: [1, 1, 1] } }],
    ['normalisation.deviation[1]', { normalisation: { mean: [0, 0, 0], deviation: [1, 0, 1] } }],
    ['scores[0].value', { scores: [{ data: 'x', metric: 'Dice', value: Number.NaN, fields: 1, peer: null }] }],
    ['dataSources[0].licence', { dataSources: [{ name: 'x' }] }],
    ['limits', { limits: 'none' }],
    ['input', { input: undefined }],
  ])('with a wrong %s says so', (field, change) => {
    expect(changed(change)).toThrowError(`model card: ${field} must be`);
    expect(changed(change)).toThrowError(expect.objectContaining({ code: 'model-unusable', data: { field } }));
  });

  it.each([null, 'text', 3, [], undefined])('that is %j is refused', (json) => {
    expect(() => parseModelCard(json)).toThrowError(/the card must be an object/);
  });

  it('keeps a huge wrong value out of its message', () => {
    expect(changed({ layout: 'x'.repeat(1e6) })).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }),
    );
  });
});
