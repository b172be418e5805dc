import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel, readModel } from '../../../src/core/nn/onnx.ts';
import { printModel } from '../../../src/core/nn/print.ts';
import { openReferenceModel } from '../../../src/core/nn/reference.ts';
import { tensorOf } from '../../../src/core/nn/tensor.ts';
import { branchAttribute, floatAttribute, functionModel, node, referring } from './function-models.ts';

const x = tensorOf('float32', [3], [-1, 0, 2]);

describe('functions that a file defines for itself', () => {
  it('become their own nodes, with the attributes of each call', async () => {
    // lab.Leak(v; slope) = LeakyRelu(v, alpha = slope), called with 0.5 and then with its default of 0.25.
    const { model, changes } = readModel(
      functionModel({
        nodes: [node('Leak', ['x'], ['h'], 'lab', floatAttribute('slope', 0.5)), node('Leak', ['h'], ['y'], 'lab')],
        functions: [
          {
            name: 'Leak',
            inputs: ['v'],
            outputs: ['w'],
            defaults: [floatAttribute('slope', 0.25)],
            nodes: [node('LeakyRelu', ['v'], ['w'], '', referring('alpha', 'slope'))],
          },
        ],
      }),
      null,
    );
    expect(model.graph.nodes.map(({ op, domain }) => domain + op)).toEqual(['LeakyRelu', 'LeakyRelu']);
    expect([...model.opsets.keys()]).toEqual(['']);
    expect(changes).toEqual([expect.stringContaining('1 functions')]);
    const { y } = await openReferenceModel(model).run({ x });
    expect([...y.data]).toEqual([-0.125, 0, 2]);
  });

  it('that call functions keep their inner values apart', async () => {
    const twice = { name: 'Twice', inputs: ['a'], outputs: ['b'], nodes: [node('Add', ['a', 'a'], ['b'])] };
    const four = {
      name: 'Four',
      inputs: ['a'],
      outputs: ['b'],
      nodes: [node('Twice', ['a'], ['t'], 'lab'), node('Twice', ['t'], ['b'], 'lab')],
    };
    const model = decodeModel(
      functionModel({
        nodes: [node('Four', ['x'], ['h'], 'lab'), node('Four', ['h'], ['y'], 'lab')],
        functions: [twice, four],
      }),
    );
    expect(new Set(model.graph.nodes.flatMap((n) => n.outputs)).size).toBe(4);
    const { y } = await openReferenceModel(model).run({ x });
    expect([...y.data]).toEqual([-16, 0, 32]);
    expect(printModel(decodeModel(encodeModel(model)))).toBe(printModel(model));
  });

  it('may have inputs that the caller leaves out', () => {
    const clip = {
      name: 'Cut',
      inputs: ['v', 'low', 'high'],
      outputs: ['w'],
      nodes: [node('Clip', ['v', 'low', 'high'], ['w'])],
    };
    const model = decodeModel(functionModel({ nodes: [node('Cut', ['x', 'x'], ['y'], 'lab')], functions: [clip] }));
    expect(model.graph.nodes[0].inputs).toEqual(['x', 'x', '']);
  });
});

describe('functions are refused', () => {
  const refused = (bytes: Uint8Array, message: RegExp) => {
    expect(() => decodeModel(bytes)).toThrow(expect.objectContaining({ code: 'model-unusable' }));
    expect(() => decodeModel(bytes)).toThrow(message);
  };

  it('that call themselves', () => {
    const loop = { name: 'F', inputs: ['a'], outputs: ['b'], nodes: [node('F', ['a'], ['b'], 'lab')] };
    refused(functionModel({ nodes: [node('F', ['x'], ['y'], 'lab')], functions: [loop] }), /call each other 32 deep/);
  });

  it('that call themselves from inside a branch', () => {
    const branch = branchAttribute([node('F', ['a'], ['c'], 'lab')], 'c');
    const loop = { name: 'F', inputs: ['a'], outputs: ['b'], nodes: [node('Held', ['a'], ['b'], '', branch)] };
    refused(functionModel({ nodes: [node('F', ['x'], ['y'], 'lab')], functions: [loop] }), /call each other 32 deep/);
  });

  it('that would unfold to a million million nodes in branches', () => {
    const functions = Array.from({ length: 12 }, (_, level) => {
      const calls = Array.from({ length: 10 }, (_n, i) => node(`F${level + 1}`, ['a'], [`b${i}`], 'lab'));
      const held = node('Held', ['a'], ['b'], '', branchAttribute(calls, 'b0'));
      return { name: `F${level}`, inputs: ['a'], outputs: ['b'], nodes: level === 11 ? [] : [held] };
    });
    const bytes = functionModel({ nodes: [node('F0', ['x'], ['y'], 'lab')], functions });
    expect(() => decodeModel(bytes)).toThrow(/unfold to more than 500000 nodes/);
  });

  it('that would unfold to a million million nodes, within a second', () => {
    const functions = Array.from({ length: 12 }, (_, level) => ({
      name: `F${level}`,
      inputs: ['a'],
      outputs: ['b'],
      nodes: level === 11 ? [] : Array.from({ length: 10 }, (_n, i) => node(`F${level + 1}`, ['a'], [`b${i}`], 'lab')),
    }));
    const started = performance.now();
    refused(functionModel({ nodes: [node('F0', ['x'], ['y'], 'lab')], functions }), /unfold to more than 500000 nodes/);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('of another opset than the model, whose nodes would mean something else', () => {
    const old = { name: 'F', inputs: ['a'], outputs: ['b'], nodes: [], opset: 12 };
    refused(functionModel({ nodes: [], functions: [old] }), /function 'F' is written in opset 12, the model in 18/);
  });

  it('of one name', () => {
    const same = { name: 'F', inputs: [], outputs: [], nodes: [] };
    refused(
      new Uint8Array(functionModel({ nodes: [], functions: [same, same] })),
      /two functions of the model are called 'F'/,
    );
  });
});
