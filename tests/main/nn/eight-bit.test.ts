/** Bytes at the border and 8 bits inside: the same answers as the float network on onnxruntime, and what that costs in Dice. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreementOf, measureRanges } from '../../../src/core/learn/calibrate.ts';
import { overlapWhereSpoken, summariseAgreement } from '../../../src/core/learn/evaluate.ts';
import { type ModelCard, parseModelCard } from '../../../src/core/learn/model-card.ts';
import { floatNetwork, openEightBitNetwork, openWindowNetwork } from '../../../src/core/learn/window-network.ts';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { quantiseModel, valuesToMeasure } from '../../../src/core/nn/quantise.ts';
import { byteScale, byteWeights } from '../../../src/core/nn/quantise-scale.ts';
import { buildUnet } from '../../../src/core/nn/unet.ts';
import { splitUpsampledConvolutions } from '../../../src/core/nn/upsampled-conv.ts';
import { createRandom } from '../../../src/core/random.ts';
import type { RgbImage } from '../../../src/core/slide.ts';
import { type Engine, startEngine } from '../../../src/main/engine/engine.ts';
import { describeWithData } from '../../fixtures/shared-data.ts';
import { listFields, NUCLEI_CLASS_IDS, readField, splitFields } from '../../tools/nuinsseg.ts';

const models = resolve(import.meta.dirname, '../../../resources/models');
const builtIn = new Uint8Array(readFileSync(join(models, 'nuclei-unet.onnx')));
const card = parseModelCard(JSON.parse(readFileSync(join(models, 'nuclei-unet.json'), 'utf8')));

let engine: Engine;
beforeAll(() => {
  engine = startEngine();
});
afterAll(() => engine?.close());

function noise(seed: number, width = 64, height = 48): RgbImage {
  const random = createRandom(seed);
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.next() * 256) };
}

const cardOf = (classes: number, outputKind: ModelCard['outputKind']): ModelCard => ({
  ...card,
  classes: Array.from({ length: classes }, (_, n) => `class ${n}`),
  outputKind,
});

const unetOf = (classes: number) => buildUnet({ inputChannels: 3, classes, channels: [8, 12], seed: 3 });

/** The network with its logits turned into probabilities. */
function withSoftmax(model: OnnxModel): OnnxModel {
  const attributes = { axis: { kind: 'int', value: 1 } } as const;
  const softmax = { name: 's', op: 'Softmax', domain: '', inputs: ['raw'], outputs: ['logits'], attributes };
  const nodes = model.graph.nodes.map((node) => (node.outputs[0] === 'logits' ? { ...node, outputs: ['raw'] } : node));
  return { ...model, graph: { ...model.graph, nodes: [...nodes, softmax] } };
}

function greatestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe('bytes at the border', () => {
  it.each([
    [2, 'logits', unetOf(2)],
    [3, 'logits', unetOf(3)],
    [2, 'probabilities', withSoftmax(unetOf(2))],
    [4, 'probabilities', withSoftmax(unetOf(4))],
  ] as const)('say what the float network says: %i classes, %s', async (classes, kind, model) => {
    const own = cardOf(classes, kind);
    const bytes = encodeModel(model);
    const inGraph = await openWindowNetwork(engine.open, bytes, own);
    const outside = floatNetwork(await engine.open(bytes), own);
    const [found, wanted] = [await inGraph.run(noise(1)), await outside.run(noise(1))];
    expect(new Set(wanted).size).toBeGreaterThan(20);
    expect(greatestDifference(found, wanted)).toBeLessThanOrEqual(1);
    await inGraph.close();
    await outside.close();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('tell of weights that are %s', async (bad) => {
    const model = unetOf(2);
    const bias = { type: 'float32', dims: [2], data: Float32Array.of(0, bad) } as const;
    const initialisers = new Map([...model.graph.initialisers, ['head.bias', bias] as const]);
    const broken = encodeModel({ ...model, graph: { ...model.graph, initialisers } });
    const network = await openWindowNetwork(engine.open, broken, cardOf(2, 'logits'));
    await expect(network.run(noise(2))).rejects.toMatchObject({ code: 'model-output-invalid' });
    await network.close();
  });

  it('refuse a network that answers fewer pixels than it was given', async () => {
    const model = unetOf(2);
    const shrunk = model.graph.nodes.map((node) =>
      node.outputs[0] === 'logits'
        ? { ...node, attributes: { ...node.attributes, strides: { kind: 'ints', value: [2, 2] } as const } }
        : node,
    );
    const bytes = encodeModel({ ...model, graph: { ...model.graph, nodes: shrunk } });
    const network = await openWindowNetwork(engine.open, bytes, cardOf(2, 'logits'));
    await expect(network.run(noise(2))).rejects.toMatchObject({ code: 'model-unusable' });
    await network.close();
  });
});

it('a convolution of a doubled picture is four small ones', async () => {
  const model = unetOf(2);
  const split = splitUpsampledConvolutions(model);
  expect(split.graph.nodes.some((node) => node.op === 'Resize')).toBe(false);
  const own = cardOf(2, 'logits');
  const [one, other] = [
    await openWindowNetwork(engine.open, encodeModel(model), own),
    await openWindowNetwork(engine.open, encodeModel(split), own),
  ];
  expect(greatestDifference(await one.run(noise(3)), await other.run(noise(3)))).toBeLessThanOrEqual(1);
  await one.close();
  await other.close();
});

describe('8 bits', () => {
  it.each([[{ min: -1, max: 3 }], [{ min: 0, max: 0 }], [{ min: 2, max: 5 }], [{ min: -5, max: -2 }]])(
    'hold 0 exactly in the range %o',
    (range) => {
      const { scale, zero } = byteScale(range);
      expect(Number.isInteger(zero) && zero >= 0 && zero <= 255).toBe(true);
      expect(scale).toBeGreaterThan(0);
      expect((255 - zero) * scale).toBeGreaterThanOrEqual(range.max * 0.99 - scale);
    },
  );

  it('give each output channel its own scale, and a silent channel none that divides by 0', () => {
    const data = Float32Array.of(1, -0.25, 0, 0, 100, 25);
    const { bytes, scales } = byteWeights({ type: 'float32', dims: [3, 2, 1, 1], data });
    expect([...bytes]).toEqual([127, -32, 0, 0, 127, 32]);
    expect(scales[2]! / scales[0]!).toBeCloseTo(100, 3);
  });

  it('refuse a model without convolutions, and one too old for them', () => {
    const empty = { ...unetOf(2), graph: { ...unetOf(2).graph, nodes: [] } };
    expect(() => valuesToMeasure(empty)).toThrow(/no convolution/);
    expect(() => quantiseModel({ ...unetOf(2), opsets: new Map([['', 11]]) }, new Map())).toThrow(/opset 11/);
  });

  it('come close to a network they were measured on', async () => {
    const own = cardOf(3, 'logits');
    const model = unetOf(3);
    const images = [noise(4), noise(5)];
    const ranges = await measureRanges({ model, card: own, images, open: engine.open });
    const full = await openWindowNetwork(engine.open, encodeModel(model), own);
    const small = await openEightBitNetwork(engine.open, { model, card: own, ranges });
    const [wanted, found] = [await full.run(images[0]!), await small.run(images[0]!)];
    const difference = wanted.reduce((sum, share, i) => sum + Math.abs(share - found[i]!), 0) / wanted.length;
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(3);
    expect(await agreementOf({ one: full, other: small }, 3, images)).toBeLessThan(1);
    expect(await agreementOf({ one: full, other: full }, 3, images)).toBe(1);
    await full.close();
    await small.close();
  });

  describeWithData('on tissue that the built-in model never saw', (data) => {
    it('cost at most half a point of Dice, measured on other fields', async () => {
      const { train, unseenFields, unseenOrgans } = splitFields(listFields(data));
      const measured = await Promise.all(train.slice(0, 8).map(readField));
      const ranges = await measureRanges({
        model: decodeModel(builtIn),
        card,
        images: measured.map(({ image }) => image),
        open: engine.open,
      });
      const full = await openWindowNetwork(engine.open, builtIn, card);
      const small = await openEightBitNetwork(engine.open, { model: decodeModel(builtIn), card, ranges });
      const blocks = await Promise.all([...unseenFields, ...unseenOrgans].filter((_, n) => n % 2 === 0).map(readField));
      const diceOf = async (network: typeof full) => {
        const counts = [];
        for (const { image, human } of blocks) {
          const channels = (await network.run(image)).map((share) => (share > 127 ? 1 : 0));
          counts.push(overlapWhereSpoken(human, channels, NUCLEI_CLASS_IDS));
        }
        return summariseAgreement(counts, NUCLEI_CLASS_IDS).dice;
      };
      const [before, after] = [await diceOf(full), await diceOf(small)];
      console.log(`8 bits on ${blocks.length} unseen fields: Dice ${before.toFixed(4)} → ${after.toFixed(4)}`);
      expect(before).toBeGreaterThan(0.75);
      expect(before - after).toBeLessThanOrEqual(0.005);
      await full.close();
      await small.close();
    }, 120_000);
  });
});
