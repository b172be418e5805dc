/** Models with functions of their own, written field by field: our own encoder has none. Field numbers: onnx.proto. */
import { Writer } from '../../../src/core/nn/protobuf.ts';

type Write = (writer: Writer) => void;

export interface WrittenFunction {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Write[];
  readonly defaults?: readonly Write[];
  readonly opset?: number;
}

export function floatAttribute(name: string, value: number): Write {
  return (attribute) => attribute.text(1, name).float(2, value).number(20, 1);
}

/** An attribute that takes the value of the surrounding function's own. */
export function referring(name: string, to: string): Write {
  return (attribute) => attribute.text(1, name).number(20, 1).text(21, to);
}

/** A graph as attribute `body`, without inputs; `output` is a float. */
export function branchAttribute(nodes: readonly Write[], output: string): Write {
  return (attribute) =>
    attribute
      .text(1, 'body')
      .message(6, (graph) => {
        for (const write of nodes) graph.message(1, write);
        graph
          .text(2, 'branch')
          .message(12, (value) =>
            value.text(1, output).message(2, (type) => type.message(1, (tensor) => tensor.number(1, 1))),
          );
      })
      .number(20, 5);
}

export function node(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  domain = '',
  ...attributes: Write[]
): Write {
  return (writer) => {
    for (const input of inputs) writer.text(1, input);
    for (const output of outputs) writer.text(2, output);
    writer.text(4, op).text(7, domain);
    for (const attribute of attributes) writer.message(5, attribute);
  };
}

/** Opset 18; one input `x` and one output `y`, float [3]; functions live in the domain `lab`. */
export function functionModel(parts: {
  readonly nodes: readonly Write[];
  readonly functions: readonly WrittenFunction[];
}): Uint8Array {
  const model = new Writer().number(1, 8);
  const vector = (name: string) => (value: Writer) =>
    value
      .text(1, name)
      .message(2, (type) =>
        type.message(1, (tensor) =>
          tensor.number(1, 1).message(2, (shape) => shape.message(1, (dim) => dim.number(1, 3))),
        ),
      );
  model.message(7, (graph) => {
    for (const write of parts.nodes) graph.message(1, write);
    graph.text(2, 'functions').message(11, vector('x')).message(12, vector('y'));
  });
  for (const [domain, version] of [
    ['', 18],
    ['lab', 1],
  ] as const)
    model.message(8, (entry) => entry.text(1, domain).number(2, version));
  for (const written of parts.functions) model.message(25, (entry) => writeFunction(entry, written));
  return model.finish();
}

function writeFunction(entry: Writer, { name, inputs, outputs, nodes, defaults = [], opset = 18 }: WrittenFunction) {
  entry.text(1, name);
  for (const input of inputs) entry.text(4, input);
  for (const output of outputs) entry.text(5, output);
  for (const write of nodes) entry.message(7, write);
  entry.message(9, (imported) => imported.text(1, '').number(2, opset)).text(10, 'lab');
  for (const write of defaults) entry.message(11, write);
}
