/** Runs one node in plain arithmetic: what the reference session does in a row and the builder does to constants. */
import { HistoloopError } from '../errors.ts';
import type { Node } from './graph.ts';
import { KERNELS } from './reference-ops.ts';
import { settle, type Value } from './reference-values.ts';
import { inferShapes } from './shape.ts';
import type { KnownValue } from './shape-question.ts';
import { nodeLabel, type Op } from './verify.ts';

function knownValue(value: Value | undefined): KnownValue | undefined {
  return value && { ...value, constant: { type: 'float64', dims: value.dims, data: value.data } };
}

/** Runs one node. Errors: `model-unusable`, naming the node. */
export function runNode(node: Node, inputs: readonly (Value | undefined)[], doubles: boolean): Value[] {
  const op = node.op as Op;
  try {
    const shapes = inferShapes(op, {
      inputs: inputs.map(knownValue),
      attributes: node.attributes,
      outputs: node.outputs.length,
    });
    const results = KERNELS[op]({ inputs, attributes: node.attributes, outputs: shapes });
    return shapes.map(({ type, dims }, i) => ({ type, dims, data: settle(results[i], type, doubles) }));
  } catch (error) {
    if (error instanceof HistoloopError) throw new HistoloopError(error.code, `${nodeLabel(node)}: ${error.message}`);
    throw error;
  }
}
