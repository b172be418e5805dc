/** The value of a Constant node, in each of the ways it may be written. */
import { HistoloopError } from '../errors.ts';
import type { Attribute, Node } from './graph.ts';
import type { Tensor } from './session.ts';
import { tensorOf } from './tensor.ts';
import { nodeLabel } from './verify.ts';

/** Error: `model-unusable` for texts and sparse values. */
export function constantOf(node: Node): Tensor {
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const tensor = constantTensor(name, attribute);
    if (tensor !== undefined) return tensor;
  }
  throw new HistoloopError('model-unusable', `${nodeLabel(node)} holds a constant of a kind that is not supported`);
}

function constantTensor(name: string, attribute: Attribute): Tensor | undefined {
  switch (name) {
    case 'value':
      return attribute.kind === 'tensor' ? attribute.value : undefined;
    case 'value_float':
      return attribute.kind === 'float' ? tensorOf('float32', [], [attribute.value]) : undefined;
    case 'value_int':
      return attribute.kind === 'int' ? tensorOf('int64', [], [attribute.value]) : undefined;
    case 'value_floats':
      return attribute.kind === 'floats' ? tensorOf('float32', [attribute.value.length], attribute.value) : undefined;
    case 'value_ints':
      return attribute.kind === 'ints' ? tensorOf('int64', [attribute.value.length], attribute.value) : undefined;
    default:
      return undefined;
  }
}
