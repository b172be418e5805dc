/** A user's network comes in step by step: looked at, tried on the slide with a picture, imported as chosen, and put to work. */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import type { ModelChoices } from '../../../src/core/contract.ts';
import { decodeTile } from '../../../src/core/mask/codec.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { network } from '../../core/nn/small-network.ts';
import { temporaryFolder } from '../../fixtures/temporary.ts';
import { colourModel, furnished, isDisc } from './small-project.ts';

const BYTES = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] };
const perm = (...value: number[]) => ({ perm: { kind: 'ints', value } as const });

/** Dark discs by one sigmoid score, in bytes and in TensorFlow's axes, at half the size. */
function foreignNetwork(): Uint8Array {
  const half = { kernel_shape: { kind: 'ints', value: [2, 2] }, strides: { kind: 'ints', value: [2, 2] } } as const;
  const red = [-0.02, -0.02, -0.02, -0.02, ...new Array<number>(8).fill(0)];
  return encodeModel(
    network({
      nodes: [
        ['Transpose', ['x'], 't', perm(0, 3, 1, 2)],
        ['Conv', ['t', 'w', 'b'], 'c', half],
        ['Sigmoid', ['c'], 'p'],
        ['Transpose', ['p'], 'y', perm(0, 2, 3, 1)],
      ],
      weights: { w: tensorOf('float32', [1, 3, 2, 2], red), b: tensorOf('float32', [1], [0.08 * 127]) },
      image: ['N', 'H', 'W', 3],
      output: ['N', 'h', 'w', 1],
      opset: 17,
    }),
  );
}

test('a network in bytes, TensorFlow’s axes and half the size is seen to be wrong, put right, imported, and predicts', async () => {
  const folder = temporaryFolder();
  const { client, workstation, slideId, ended } = await furnished(folder, 1024, 768);
  const path = join(folder, 'foreign.onnx');
  await writeFile(path, foreignNetwork());
  const before = [readdirSync(join(folder, 'models')), await client.model.list()];

  const found = await client.model.examine({ path, choices: null });
  expect(found).toMatchObject({ trainingProblem: null, sizeMultiple: 2, fixedSizePx: null, learnable: 13 });
  expect(found.suggested).toMatchObject({ name: 'foreign', activation: 'sigmoid', classes: ['Background', 'Class 1'] });
  expect(found.why).toMatchObject({ normalisation: null, pixelSize: null, activation: expect.any(String) });
  expect(found.changes.length).toBeGreaterThanOrEqual(3);

  const place = { path, slideId, x: 512, y: 384 };
  const wrong = await client.model.trial({ ...place, choices: found.suggested });
  expect(wrong.doubt).toMatch(/nearly everything is “Class 1”/);
  const choices: ModelChoices = { ...found.suggested, name: 'Discs', normalisation: BYTES, classes: ['Glass', 'Disc'] };
  const right = await client.model.trial({ ...place, choices });
  expect(right.doubt).toBeNull();
  expect(right.classes.map(({ name }) => name)).toEqual(['Glass', 'Disc']);
  expect(right.classes[1]!.share).toBeCloseTo((Math.PI * 400) / 64 ** 2, 1);
  expect(await pixelsOf(right.picture)).not.toEqual(await pixelsOf(right.prediction));
  expect([readdirSync(join(folder, 'models')), await client.model.list()]).toEqual(before);

  const version = await client.model.import({ path, choices });
  expect(version).toMatchObject({ name: 'Discs', state: 'imported', classes: ['Glass', 'Disc'] });
  const region = { x: 0, y: 0, width: 512, height: 512 };
  const job = await ended(client.predict.start({ slideId, region, modelId: version.modelId }));
  expect(job.state).toBe('done');
  const layer = (await client.slide.get({ slideId })).predictions.find(({ modelId }) => modelId === version.modelId)!;
  const labels = decodeTile((await workstation.maskTile(layer.layerId, 0, 0))!, 512 * 512);
  const disc = (await client.project.get()).classes.find(({ name }) => name === 'Disc')!.id;
  const agree = labels.reduce(
    (sum, label, i) => sum + Number((label === disc) === isDisc(i % 512, Math.floor(i / 512))),
    0,
  );
  expect(agree / labels.length).toBeGreaterThan(0.95);
  await workstation.close();
});

test('another reading of the same file is another model; a name that is there twice, or none, is refused', async () => {
  const folder = temporaryFolder();
  const { client, workstation, slideId } = await furnished(folder, 300, 300);
  const path = join(folder, 'plain.onnx');
  await writeFile(path, colourModel({ gain: 5 }));
  const { suggested } = await client.model.examine({ path, choices: null });
  const each = await client.model.examine({ path, choices: { ...wiring(suggested), activation: 'sigmoid' } });
  expect(each.suggested.classes).toHaveLength(3);
  const [one, other] = [
    await client.model.import({ path, choices: suggested }),
    await client.model.import({ path, choices: each.suggested }),
  ];
  expect(one.modelId).not.toBe(other.modelId);
  const same = { ...suggested, classes: ['A', 'A'] };
  await expect(client.model.import({ path, choices: same })).rejects.toMatchObject({
    message: expect.stringMatching(/names that differ/),
  });
  const nameless = { ...suggested, name: '' };
  await expect(client.model.import({ path, choices: nameless })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  const zero = { ...suggested, normalisation: { mean: [0, 0, 0], deviation: [0, 1, 1] } };
  await expect(client.model.trial({ path, choices: zero, slideId, x: 0, y: 0 })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  });
  await workstation.close();
});

test('a file outside the opened folders is not looked at', async () => {
  const folder = temporaryFolder();
  const { client, workstation } = await furnished(folder, 300, 300);
  await expect(client.model.examine({ path: '/etc/hostname', choices: null })).rejects.toMatchObject({
    code: 'forbidden',
  });
  await workstation.close();
});

function wiring({ output, activation, channelOrder }: ModelChoices) {
  return { output, activation, channelOrder };
}

async function pixelsOf(address: string): Promise<Buffer> {
  const bytes = Buffer.from(address.replace('data:image/png;base64,', ''), 'base64');
  return sharp(bytes).raw().toBuffer();
}
