/** A graph as text, one line per node: for people and for tests that look at what was built. The same model, the same text. */
import type { Attribute, OnnxModel, ValueInfo } from './graph.ts';
import type { Tensor } from './session.ts';

/** Tensors longer than this show only their shape. */
const SHOWN = 8;

export function printModel(model: OnnxModel): string {
  const { graph } = model;
  const opsets = [...model.opsets].map(([domain, version]) => `${domain || 'standard'} ${version}`).join(', ');
  const weights = [...graph.initialisers].map(([name, tensor]) => `  ${name} = ${printTensor(tensor)}`);
  const nodes = graph.nodes.map((node) => {
    const attributes = Object.entries(node.attributes).map(
      ([name, attribute]) => `${name}=${printAttribute(attribute)}`,
    );
    const settings = attributes.length > 0 ? ` {${attributes.join(', ')}}` : '';
    const op = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
    return `  ${node.outputs.join(', ')} = ${op}(${node.inputs.join(', ')})${settings}`;
  });
  return [
    `${graph.name} (opset ${opsets})`,
    `inputs  ${graph.inputs.map(printValue).join(', ')}`,
    `outputs ${graph.outputs.map(printValue).join(', ')}`,
    'weights',
    ...weights,
    'nodes',
    ...nodes,
    '',
  ].join('\n');
}

function printValue({ name, type, dims }: ValueInfo): string {
  return `${name}: ${type}[${dims === null ? '…' : dims.map((dim) => dim ?? '?').join(', ')}]`;
}

function printTensor({ type, dims, data }: Tensor): string {
  const shape = `${type}[${dims.join(', ')}]`;
  return data.length > SHOWN ? shape : `${shape} ${Array.from(data, String).join(' ')}`;
}

function printAttribute(attribute: Attribute): string {
  switch (attribute.kind) {
    case 'tensor':
      return printTensor(attribute.value);
    case 'opaque':
      return `(${attribute.bytes.length} bytes)`;
    case 'ints':
    case 'floats':
    case 'strings':
      return `[${attribute.value.join(' ')}]`;
    case 'int':
    case 'float':
    case 'string':
      return String(attribute.value);
  }
}
