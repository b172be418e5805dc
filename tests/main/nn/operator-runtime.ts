/**
 * Property cases on onnxruntime: the node as a file holds it gives what the reference gives, and so does the graph that we
 * made of it, with its gradient.
 */
import { expect } from 'vitest';
import type { OnnxModel } from '../../../src/core/nn/graph.ts';
import { encodeModel } from '../../../src/core/nn/onnx.ts';
import type { Tensor } from '../../../src/core/nn/session.ts';
import { isFloat } from '../../../src/core/nn/tensor.ts';
import { IR_VERSION } from '../../../src/core/nn/verify.ts';
import { forEachDraw, runExactly, type WrittenCase } from '../../core/nn/operator-properties.ts';
import type { OperatorCase } from '../../fixtures/operator-case.ts';
import { openOnnxRuntime } from './onnxruntime-session.ts';

const FORWARD = 1e-5;
const GRADIENT = 1e-3;

/** Forward against the reference within 1e-5, gradients within 1e-3, both of the largest value. */
export async function checkOnRuntime(one: OperatorCase): Promise<void> {
  await forEachDraw(one, async (written) => {
    const expected = await runExactly(written);
    if (!one.noOriginal) agree(await run(originalModel(written), written), expected, 'the node as it came');
    agree(await run(written.model, written), expected, 'what we made of it');
  });
}

/** A model of the one node, in its own opset. */
function originalModel({ node, opset, draw, model }: WrittenCase): OnnxModel {
  const weights = draw.inputs.flatMap((input, i) =>
    input && 'constant' in input ? [[`x${i}`, input.constant] as const] : [],
  );
  const outputs = model.graph.outputs.filter(({ name }) => node.outputs.includes(name));
  const opsets = new Map([['', opset], ...(node.domain === '' ? [] : [[node.domain, 1] as const])]);
  const inputs = model.graph.inputs.filter(({ name }) => node.inputs.includes(name));
  const graph = { name: 'original', nodes: [node], initialisers: new Map(weights), inputs, outputs };
  return { irVersion: IR_VERSION, opsets, producer: '', metadata: new Map(), graph };
}

async function run(model: OnnxModel, { feeds }: WrittenCase): Promise<Record<string, Tensor>> {
  const session = await openOnnxRuntime(encodeModel(model));
  const asked = new Set(model.graph.inputs.map(({ name }) => name));
  try {
    return await session.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => asked.has(name))));
  } finally {
    await session.close();
  }
}

function agree(found: Record<string, Tensor>, expected: Record<string, Tensor>, what: string): void {
  for (const [name, tensor] of Object.entries(found)) {
    if (name === 'loss') continue;
    const { dims, data, type } = expected[name]!;
    expect(tensor.dims, `shape of ${name} of ${what}`).toEqual(dims);
    expect(tensor.type.replace('64', '32'), `type of ${name} of ${what}`).toBe(type.replace('64', '32'));
    const tolerance = isFloat(type) ? (name.startsWith('d_') ? GRADIENT : FORWARD) : 0;
    const allowed = tolerance * Math.max(1e-3, ...Array.from(data as Float64Array, (value) => Math.abs(Number(value))));
    for (let i = 0; i < data.length; i++) {
      const [got, wanted] = [Number(tensor.data[i]), Number(data[i])];
      const close = Object.is(got, wanted) || Math.abs(got - wanted) <= allowed;
      expect(close, `${name}[${i}] of ${what} is ${got}, not ${wanted}`).toBe(true);
    }
  }
}
