/** What an upgrade rule is, and the small moves that many of them share. */
import { HistoloopError } from '../errors.ts';
import { attributesOf, type GraphBuilder, type PlainAttributes } from './builder.ts';
import type { Attributes, Node } from './graph.ts';
import type { OpRow } from './op-row.ts';
import { isOp, nodeLabel, OPS, type Op } from './verify.ts';

/** Appends nodes that make the old node's first output; `opset` is the one that the node was written in. */
export type Upgrade = (g: GraphBuilder, node: Node, opset: number) => void;

/** Attributes that change nothing at the values they have by default, and so may be dropped. */
const IDLE: Readonly<Record<string, number>> = {
  antialias: 0,
  is_test: 1,
  keep_aspect_ratio_policy: 0,
  saturate: 1,
  spatial: 1,
  training_mode: 0,
};

/** Appends the node with the attributes that its row knows. */
export function asItIs(g: GraphBuilder, node: Node): void {
  if (!isOp(node.op)) {
    g.append(node);
    return;
  }
  const row: OpRow = OPS[node.op];
  const kept = Object.entries(node.attributes).filter(([name, attribute]) => {
    if (Object.hasOwn(row.attributes, name)) return true;
    const idle = Object.hasOwn(IDLE, name) && attribute.kind === 'int' && attribute.value === IDLE[name];
    return !idle && name !== 'consumed_inputs';
  });
  const inputs = [...node.inputs];
  while (inputs.length > row.inputs[0] && inputs.at(-1) === '') inputs.pop();
  const outputs = node.outputs.filter((name, i) => i < row.outputs[1] || (name !== '' && i > row.outputs[1]));
  g.append({ ...node, inputs, outputs: outputs.slice(0, row.outputs[1]), attributes: Object.fromEntries(kept) });
}

export interface Rewrite<K extends Op> {
  readonly op: K;
  readonly inputs: readonly string[];
  readonly attributes?: PlainAttributes<K>;
}

/** Appends the node that finally makes the old node's output. */
export function finish<K extends Op>(g: GraphBuilder, node: Node, { op, inputs, attributes = {} }: Rewrite<K>): void {
  const made = attributesOf(op, attributes as PlainAttributes<K>);
  g.append({ name: node.name, op, domain: '', inputs, outputs: [node.outputs[0]], attributes: made });
}

/** A sentence about the node: what it does that cannot be trained through. */
export function unusable(node: Node, problem: string): HistoloopError {
  return new HistoloopError('model-unusable', `${nodeLabel(node)} ${problem}`);
}

export function withAttributes(node: Node, drop: readonly string[], inputs: readonly string[]): Node {
  const attributes: Attributes = Object.fromEntries(
    Object.entries(node.attributes).filter(([name]) => !drop.includes(name)),
  );
  return { ...node, inputs, attributes };
}
