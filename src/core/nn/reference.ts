/**
 * The slow reference: runs a graph one node at a time in plain arithmetic, as an `OpenSession`. The oracle for
 * onnxruntime and for gradients; not for work. It knows standard operators of opset 18 only.
 */
import { HistoloopError } from '../errors.ts';
import type { OnnxModel } from './graph.ts';
import { decodeModel } from './onnx.ts';
import { runNode } from './reference-node.ts';
import { tensorOfValue, type Value, valueOfTensor } from './reference-values.ts';
import type { OpenSession, Session, SessionOptions, Tensor } from './session.ts';
import { OPSET, topologicalOrder, verifyGraph } from './verify.ts';

export interface ReferenceOptions {
  /** `float64` computes float32 networks in doubles throughout; the default rounds every value to float32. */
  readonly precision?: 'float32' | 'float64';
}

/** Opens a model that is already decoded. */
export function openReferenceModel(model: OnnxModel, options: SessionOptions & ReferenceOptions = {}): Session {
  const { graph } = model;
  if ((model.opsets.get('') ?? 0) !== OPSET) {
    throw new HistoloopError('model-unusable', `the reference runs opset ${OPSET}, not ${model.opsets.get('')}`);
  }
  verifyGraph(graph);
  const order = topologicalOrder(graph);
  const doubles = options.precision === 'float64';
  const constants = new Map([...graph.initialisers].map(([name, tensor]) => [name, valueOfTensor(tensor)]));
  const state = new Map(Object.entries(options.initial ?? {}).map(([name, tensor]) => [name, valueOfTensor(tensor)]));
  const links = Object.entries(options.state ?? {});
  const kept = new Set(links.map(([, output]) => output));
  let open = true;

  async function run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    if (!open) throw new HistoloopError('cancelled', 'the session is closed');
    const values = new Map([...constants, ...state]);
    for (const { name } of graph.inputs) {
      const tensor = feeds[name];
      if (tensor !== undefined) values.set(name, valueOfTensor(tensor));
      if (!values.has(name)) throw new HistoloopError('model-unusable', `input '${name}' was not given`);
    }
    for (const node of order) {
      const results = runNode(
        node,
        node.inputs.map((name) => values.get(name)),
        doubles,
      );
      node.outputs.forEach((name, i) => {
        values.set(name, results[i]);
      });
    }
    for (const [input, output] of links) state.set(input, values.get(output)!);
    const returned = graph.outputs.filter(({ name }) => !kept.has(name));
    return Object.fromEntries(returned.map(({ name }) => [name, give(values.get(name)!, doubles)]));
  }
  return {
    run,
    readState: async () => Object.fromEntries([...state].map(([name, value]) => [name, give(value, doubles)])),
    close: async () => {
      open = false;
    },
  };
}

/** In a double-precision run floats leave as doubles, or the last rounding would hide what the test looks for. */
function give(value: Value, doubles: boolean): Tensor {
  return tensorOfValue(doubles && value.type === 'float32' ? { ...value, type: 'float64' } : value);
}

/** Opens ONNX bytes on the reference. Errors: `model-unusable`. */
export const openReference: OpenSession = async (bytes, options) => openReferenceModel(decodeModel(bytes), options);
