/** Throw-away projects for the store's tests, and a record to sign edits with. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { EditOperation } from '../../../src/core/contract.ts';
import type { EditRecord, ModelRow, NewSlide, StoreMethods } from '../../../src/main/store/store-methods.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'histoloop-store-'));
  folders.push(folder);
  return folder;
}

export function sampleSlide(slideId = 'slide-1', sizePx = 8192): NewSlide {
  return {
    slideId,
    name: `${slideId}.svs`,
    path: `slides/${slideId}.svs`,
    sha256: '0'.repeat(64),
    widthPx: sizePx,
    heightPx: sizePx,
    maskDownsample: 2,
  };
}

export function sampleModel(modelId = 'model-1'): ModelRow {
  return {
    modelId,
    name: modelId,
    parentId: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    state: 'built-in',
    sha256: '1'.repeat(64),
    path: `models/${modelId}.onnx`,
    card: '{}',
    training: null,
  };
}

export function record(layerId: number, requestId: string): EditRecord {
  return { layerId, requestId, tool: 'brush', user: 'ann', modelId: null };
}

export function stroke(x: number, y: number, label = 2, radius = 40): EditOperation {
  return { kind: 'stroke', points: [x, y, x + 60, y + 25], radius, label };
}

/** One hash over every stored label of a layer; empty tiles do not count. */
export function hashOfLayer(store: StoreMethods, layerId: number): string {
  const hash = createHash('sha256');
  const tiles = store.tiles(layerId);
  for (let i = 0; i < tiles.length; i += 2) {
    hash.update(`${tiles[i]},${tiles[i + 1]}:`).update(store.tile(layerId, tiles[i]!, tiles[i + 1]!)!);
  }
  return hash.digest('hex');
}
