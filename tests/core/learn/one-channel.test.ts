import { describe, expect, it } from 'vitest';
import { openWindowNetwork } from '../../../src/core/learn/window-network.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { openReference } from '../../../src/core/nn/reference.ts';

import { network, ramp } from '../nn/small-network.ts';
import { CARD, filled } from './stubs.ts';

describe('a model of one channel for two classes', () => {
  const bytesOf = (ends: boolean) =>
    encodeModel(
      network({
        nodes: [
          ['Conv', ['x', 'w', 'b'], ends ? 'scores' : 'y'],
          ...(ends ? [['Sigmoid', ['scores'], 'y'] as const] : []),
        ],
        weights: { w: ramp(1, 3, 1, 1), b: ramp(1) },
        output: ['N', 1, 8, 8],
      }),
    );
  const card = { ...CARD, input: 'x', output: 'y' };

  it('predicts the second class’s share, with or without its sigmoid', async () => {
    const image = filled(8, 8, [200, 90, 130]);
    const { w, b } = { w: ramp(3).data, b: ramp(1).data };
    const values = [200, 90, 130].map((byte) => (byte / 255 - 0.5) / 0.5);
    const logit = values.reduce((sum, value, c) => sum + value * Number(w[c]), Number(b[0]));
    for (const ends of [true, false]) {
      const kind = ends ? 'probabilities' : 'logits';
      const opened = await openWindowNetwork(openReference, bytesOf(ends), { ...card, outputKind: kind });
      const shares = await opened.run(image);
      expect(shares.length).toBe(64);
      expect(shares[0]).toBe(Math.round(255 / (1 + Math.exp(-logit))));
      await opened.close();
    }
  });

  it('is refused where there are three classes', async () => {
    const three = { ...card, classes: ['a', 'b', 'c'] };
    const opened = await openWindowNetwork(openReference, bytesOf(false), three);
    await expect(opened.run(filled(8, 8, [200, 90, 130]))).rejects.toThrow(/one channel for each of its classes/);
  });
});
