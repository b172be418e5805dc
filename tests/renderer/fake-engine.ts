/** What the window is told of a computer in tests: a processor, and a graphics card that is not there. */
import type { EngineMeasurement, EngineTruth } from '../../src/core/contract.ts';

export const FAKE_TRUTH: EngineTruth = {
  provider: 'cpu',
  fallbackReason: null,
  wanted: 'cpu',
  providers: [
    { name: 'cpu', available: true, reason: null },
    { name: 'webgpu', available: true, reason: 'comes with this program; tried on this machine once it is chosen' },
    { name: 'dml', available: false, reason: 'DirectML is a part of Windows' },
  ],
  device: 'A processor, 8 cores',
  driver: null,
  threads: 8,
  runtimeVersion: '1.30.0',
  peakMemoryMb: 412,
  measured: null,
};

export const FAKE_MEASUREMENT: EngineMeasurement = {
  provider: 'webgpu',
  device: 'A card',
  driver: null,
  at: '2026-11-20T10:00:00.000Z',
  modelName: 'Nuclei U-Net',
  tilePx: 512,
  tilesPerSecond: 41.3,
  trainingBatch: '4 × 128 × 128',
  stepsPerSecond: 9.62,
  fellBack: { predict: 0, train: 0.021, operators: ['Einsum'] },
  peakMemoryMb: 900,
};
