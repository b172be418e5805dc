/** The bundled model on real tissue: better than a plain threshold, without seams, and better still after corrections. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrainingBlock } from '../../../src/core/learn/blocks.ts';
import { evaluateBlocks, predictImage } from '../../../src/core/learn/evaluate.ts';
import { parseModelCard } from '../../../src/core/learn/model-card.ts';
import { predictTiles } from '../../../src/core/learn/predict.ts';
import { fineTune } from '../../../src/core/learn/segment.ts';
import { floatNetwork } from '../../../src/core/learn/window-network.ts';
import type { Session } from '../../../src/core/nn/session.ts';
import { createRandom } from '../../../src/core/random.ts';
import { type Engine, startEngine } from '../../../src/main/engine/engine.ts';
import { openSlide } from '../../../src/main/slide/open-slide.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { listFields, NUCLEI_CLASS_IDS, readField, splitFields } from '../../tools/nuinsseg.ts';
import { thresholdDice } from '../../tools/score-nuclei.ts';
import { correct } from '../../tools/simulate-corrections.ts';

const models = resolve(import.meta.dirname, '../../../resources/models');
const model = new Uint8Array(readFileSync(join(models, 'nuclei-unet.onnx')));
const card = parseModelCard(JSON.parse(readFileSync(join(models, 'nuclei-unet.json'), 'utf8')));

let engine: Engine;
let session: Session;
beforeAll(async () => {
  engine = startEngine();
  session = await engine.open(model, { purpose: 'inference' });
});
afterAll(() => engine?.close());

async function predictLabels(block: TrainingBlock): Promise<Uint8Array> {
  const channels = await predictImage(session, card, block.image);
  return channels.map((channel) => NUCLEI_CLASS_IDS[channel]!);
}

async function modelDice(blocks: readonly TrainingBlock[]): Promise<number> {
  return (await evaluateBlocks({ model, card, classIds: NUCLEI_CLASS_IDS, blocks, open: engine.open })).dice;
}

it('the bundled model is small, and its card says where it comes from', () => {
  expect(model.length).toBeLessThan(3 * 2 ** 20);
  expect(card.dataSources[0]!.licence).toBe('CC BY 4.0');
  expect(card.dataSources[0]!.attribution).toMatch(/Mahbod/);
  const onTissue = card.scores.filter((score) => score.data.startsWith('NuInsSeg'));
  expect(onTissue).toHaveLength(2);
  for (const score of onTissue) expect(score.value).toBeGreaterThan(score.peer!.value);
});

describeWithData('the bundled model on real tissue', (data) => {
  const split = splitFields(listFields(data));

  it.each([
    ['fields it never saw', split.unseenFields],
    ['organs it never saw', split.unseenOrgans],
  ])('beats Otsu’s threshold on %s', async (name, fields) => {
    const blocks = await Promise.all(fields.filter((_, n) => n % 4 === 0).map(readField));
    const [learned, plain] = [await modelDice(blocks), thresholdDice(blocks)];
    console.log(`${name}: Dice ${learned.toFixed(3)}, Otsu ${plain.toFixed(3)} (${blocks.length} fields)`);
    expect(learned).toBeGreaterThan(plain + 0.03);
  });

  it('shows no seam on a slide: moving the grid of windows changes less than half a percent of the pixels', async () => {
    const slide = await openSlide(join(data, 'wsi/aperio/CMU-1-Small-Region.svs'));
    const [left, top, shift] = [760, 1300, 19 * card.sizeMultiple];
    const predictFrom = async (x: number, y: number) => {
      let labels: Uint8Array = new Uint8Array();
      await predictTiles({
        network: floatNetwork(session, card),
        card,
        source: (r, w, h) => slide.region({ ...r, x: r.x + x, y: r.y + y }, w, h),
        tiles: [0, 0],
        maskDownsample: 1,
        maskWidthPx: 2000,
        maskHeightPx: 1500,
        modelPixelsPerMaskPixel: 1,
        classIds: NUCLEI_CLASS_IDS,
        onTile: (tile) => {
          labels = tile.labels;
        },
      });
      return labels;
    };
    const here = await predictFrom(left, top);
    const moved = await predictFrom(left - shift, top - shift);
    await slide.close();
    let [compared, different, nuclei] = [0, 0, 0];
    for (let y = 0; y < 512 - shift; y++) {
      for (let x = 0; x < 512 - shift; x++, compared++) {
        const label = here[y * 512 + x]!;
        if (label === 2) nuclei++;
        if (label !== moved[(y + shift) * 512 + x + shift]) different++;
      }
    }
    console.log(`moved windows: ${((100 * different) / compared).toFixed(3)} % of pixels differ`);
    expect(nuclei).toBeGreaterThan(0.02 * compared);
    expect(different / compared).toBeLessThan(0.005);
  });

  it('gets better on other tongue fields from four corrected ones, for each of three seeds', async () => {
    const tongue = await Promise.all(
      split.unseenOrgans.filter((field) => field.organ === 'human-tongue').map(readField),
    );
    for (const seed of [1, 2, 3]) {
      const [...fields] = createRandom(seed).shuffle([...tongue]);
      const corrected: TrainingBlock[] = [];
      for (const field of fields.slice(0, 4)) corrected.push(correct(field, await predictLabels(field), 'whole'));
      const started = performance.now();
      const result = await fineTune({
        model,
        card,
        classIds: NUCLEI_CLASS_IDS,
        train: corrected,
        heldOut: fields.slice(4),
        steps: 40,
        seed,
        open: engine.open,
      });
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const [before, after] = [result.diceBefore.toFixed(4), result.diceAfter.toFixed(4)];
      console.log(
        `tongue, seed ${seed}: Dice on ${fields.length - 4} other fields ${before} → ${after} in ${seconds} s`,
      );
      expect(result.diceAfter).toBeGreaterThan(result.diceBefore);
    }
  }, 400_000);
});
