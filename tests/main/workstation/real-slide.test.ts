/** The loop on a real slide: open, predict, correct, save, close, open again, export; the export lies where the mask is. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BACKGROUND, effectiveClass, MASK_TILE_PX } from '../../../src/core/label.ts';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { openWorkstation, type Workstation } from '../../../src/main/workstation.ts';
import { fillRings } from '../../fixtures/fill-rings.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';

const context = { signal: undefined };
const REGION = { x: 700, y: 900, width: 900, height: 700 };

async function openProject(projectFolder: string): Promise<Workstation> {
  return openWorkstation({ projectFolder, shell: 'command-line', fenced: false });
}

/** The whole mask as a viewer sees it, one class a pixel. */
async function effectiveMask(workstation: Workstation, slideId: string, width: number, height: number) {
  const { humanLayerId, predictions } = await workstation.handlers.slide.get({ slideId }, context);
  const mask = new Uint8Array(width * height);
  const tileOf = async (layerId: number, column: number, row: number) => {
    const bytes = await workstation.maskTile(layerId, column, row);
    return bytes ? decodeTile(bytes, MASK_TILE_PX ** 2) : new Uint8Array(MASK_TILE_PX ** 2);
  };
  for (let row = 0; row * MASK_TILE_PX < height; row++) {
    for (let column = 0; column * MASK_TILE_PX < width; column++) {
      const human = await tileOf(humanLayerId, column, row);
      const predicted = await tileOf(predictions[0]!.layerId, column, row);
      for (let y = 0; y < MASK_TILE_PX && row * MASK_TILE_PX + y < height; y++) {
        for (let x = 0; x < MASK_TILE_PX && column * MASK_TILE_PX + x < width; x++) {
          const at = y * MASK_TILE_PX + x;
          mask[(row * MASK_TILE_PX + y) * width + column * MASK_TILE_PX + x] = effectiveClass(
            human[at]!,
            predicted[at]!,
          );
        }
      }
    }
  }
  return mask;
}

interface Collection {
  features: {
    geometry: { type: string; coordinates: number[][][] };
    properties: { classification: { name: string } };
  }[];
}

describeWithData('CMU-1-Small-Region.svs', (data) => {
  test('is opened, predicted, corrected, saved, opened again and exported to the pixel', async () => {
    const folder = temporaryFolder();
    let workstation = await openProject(folder);
    const path = join(data, 'wsi/aperio/CMU-1-Small-Region.svs');
    const { slideId } = await workstation.handlers.slide.add({ path }, context);
    const { info } = await workstation.handlers.slide.get({ slideId }, context);
    expect([info.widthPx, info.heightPx, info.pixelSize.source]).toEqual([2220, 2967, 'file']);
    expect(info.pixelSize.xUm).toBeCloseTo(0.499, 3);

    const job = await workstation.handlers.predict.start({ slideId, region: REGION, modelId: null }, context);
    expect((await workstation.jobFinished(job.jobId)).error).toBeNull();
    const predicted = await effectiveMask(workstation, slideId, info.widthPx, info.heightPx);
    expect(predicted.includes(2)).toBe(true);

    const stroke = { kind: 'stroke', points: [800, 1000, 1300, 1250.5], radius: 21, label: 2 } as const;
    const erase = { kind: 'stroke', points: [1000, 1100, 1100, 1100], radius: 9.5, label: BACKGROUND } as const;
    for (const [requestId, operation] of Object.entries({ stroke, erase })) {
      await workstation.handlers.mask.edit(
        { slideId, requestId, operation, predictionLayerId: null, tool: 'brush' },
        context,
      );
    }
    const corrected = await effectiveMask(workstation, slideId, info.widthPx, info.heightPx);
    expect(Buffer.compare(corrected, predicted)).not.toBe(0);
    await workstation.close();

    workstation = await openProject(folder);
    const reopened = await effectiveMask(workstation, slideId, info.widthPx, info.heightPx);
    expect(Buffer.compare(reopened, corrected)).toBe(0);
    const started = await workstation.handlers.export.start(
      { slideIds: [slideId], formats: ['geojson'], folder: null },
      context,
    );
    const { result } = await workstation.jobFinished(started.jobId);
    await workstation.close();

    if (result?.kind !== 'export') throw new Error('the export failed');
    const file = result.files.find((name) => name.endsWith('.geojson'))!;
    const { features } = JSON.parse(await readFile(join(result.folder, file), 'utf8')) as Collection;
    expect(features.every((feature) => feature.geometry.type === 'Polygon')).toBe(true);
    const drawn = new Uint8Array(info.widthPx * info.heightPx);
    for (const feature of features) {
      expect(feature.properties.classification.name).toBe('Nucleus');
      fillRings(drawn, info.widthPx, info.heightPx, feature.geometry.coordinates, 2);
    }
    const foreground = corrected.map((value) => (value > BACKGROUND ? value : 0));
    expect(Buffer.compare(drawn, foreground)).toBe(0);
  });
});
