/** Weights that lie beside a model: read from where they may lie, and from nowhere else. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { decodeModel, encodeModel } from '../../../src/core/nn/onnx.ts';
import { readFields, Writer } from '../../../src/core/nn/protobuf.ts';
import { startEngine } from '../../../src/main/engine/engine.ts';
import { CONV, network, ramp } from '../../core/nn/small-network.ts';
import { fileFolder } from '../../fixtures/temporary.ts';

const engine = startEngine({ threads: 1 });
afterAll(() => engine.close());
const folder = fileFolder();

const FREE = { output: null, activation: null, channelOrder: 'rgb' } as const;
const model = network({ ...CONV, opset: 17, image: ['N', 3, 'H', 'W'], weights: { b: ramp(2) } });

describe('weights beside the model', () => {
  const beside = (name: string, location: string, more: Record<string, string> = {}) => {
    const tensor = (writer: Writer) => {
      writer.numbers(1, [2, 3, 1, 1]).number(2, 1).text(8, 'w').number(14, 1);
      for (const [key, value] of Object.entries({ location, ...more }))
        writer.message(13, (entry) => entry.text(1, key).text(2, value));
    };
    const graph = graphOf(model);
    const bytes = new Writer()
      .number(1, 8)
      .bytes(7, Uint8Array.from([...graph, ...new Writer().message(5, tensor).finish()]))
      .message(8, (entry) => entry.text(1, '').number(2, 17))
      .finish();
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, bytes);
    return engine.examine(path, FREE);
  };
  const weights = new Uint8Array((ramp(2, 3, 1, 1).data as Float32Array).buffer);
  writeFileSync(join(folder, 'w.bin'), Uint8Array.from([...new Array(8).fill(0), ...weights]));
  mkdirSync(join(folder, 'sub'));
  writeFileSync(join(folder, 'sub', 'w.bin'), weights);
  symlinkSync('/etc/hostname', join(folder, 'link.bin'));
  symlinkSync('/etc', join(folder, 'etc'));

  test('are read into it, from an offset and from a folder below', async () => {
    const one = await beside('beside', 'w.bin', { offset: '8', length: '24' });
    const two = await beside('below', 'sub/w.bin');
    for (const facts of [one, two]) {
      expect(decodeModel(facts.bytes).graph.initialisers.get('w')).toEqual(ramp(2, 3, 1, 1));
      expect(facts.changes.join()).toMatch(/1 weights that lay beside/);
    }
  });

  test.each([
    ['an absolute path', '/etc/passwd', /'\/etc\/passwd', outside the model's folder/],
    ['a way up', '../secret.bin', /outside the model's folder/],
    ['a way down and up', 'sub/../../secret.bin', /outside the model's folder/],
    ['a Windows path', 'C:\\Windows\\win.ini', /outside the model's folder/],
    ['a link out', 'link.bin', /outside the model's folder/],
    ['a linked folder', 'etc/passwd', /outside the model's folder/],
    ['a folder', 'sub', /no plain file/],
    ['a file that is not there', 'lost.bin', /'lost.bin' beside it, which is not there; copy/],
    ['too short a file', 'w.bin', /bytes 99 to 123 of w.bin, which has only 32/, { offset: '99' }],
    ['the model itself, further than it goes', 'w.bin', /which has only 32/, { offset: '999999999999' }],
  ])('at %s are refused', async (name, location, sentence, more: Record<string, string> = {}) => {
    await expect(beside(name.replaceAll(' ', '-'), location, more)).rejects.toMatchObject({
      code: 'model-unusable',
      message: expect.stringMatching(sentence),
    });
  });
});

/** The bytes of a model's graph. */
function graphOf(model: OnnxModel): Uint8Array {
  const graph = readFields(encodeModel(model)).find((field) => field.id === 7);
  return graph!.bytes;
}
