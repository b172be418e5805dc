/** Recomputation on onnxruntime itself, which would undo it if it could: it merges equal nodes and chooses its own order. */
import { describe, expect, it } from 'vitest';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { trainTiny } from '../../core/nn/tiny-training.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const MODEL = buildUnet({ inputChannels: 3, classes: 3, channels: [8, 16, 16], seed: 2 });

describe('a training step with parts computed twice', () => {
  for (const batchNorm of ['frozen', 'batch'] as const) {
    it(`gives onnxruntime's numbers to the last bit (${batchNorm} normalisation)`, async () => {
      const options = { heightPx: 64, widthPx: 64, batchNorm, clipNorm: 1 };
      const plain = await trainTiny(MODEL, openOnnxRuntime, { options, steps: 3 });
      const memoryBudgetBytes = plain.program.memory.bytes - 1e6;
      const tight = await trainTiny(MODEL, openOnnxRuntime, { options: { ...options, memoryBudgetBytes }, steps: 3 });
      expect(tight.program.memory.segments).toBeGreaterThan(1);
      expect(tight.losses).toEqual(plain.losses);
      expect(tight.state).toEqual(plain.state);
    });
  }
});
