/**
 * Tells the weights of somebody else's network from its constants: what layers multiply and add, directly or through what is
 * computed of weights alone (a transposed matrix, a table looked up, a kernel divided by its norm). It changes nothing.
 */
import type { Graph, Node } from './graph.ts';

/** Inputs that are weights wherever they appear. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2],
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [1, 2],
  InstanceNormalization: [1, 2],
  LayerNormalization: [1, 2],
  MatMul: [0, 1],
  PRelu: [1],
};
/** Inputs that are weights where a layer comes before; else they scale the picture itself and stay as they are. */
const AFTER_LAYER: ReadonlySet<string> = new Set(['Add', 'Div', 'Mul', 'Sub']);
/** What only their first input holds, elsewhere or in part. */
const MOVES: ReadonlySet<string> = new Set([
  'Cast',
  'Expand',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Resize',
  'Slice',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);
/** What weights are made of other weights with: standardised, divided by their norm. */
const ARITHMETIC: ReadonlySet<string> = new Set([
  'Abs',
  'Add',
  'Div',
  'Exp',
  'Mul',
  'Neg',
  'Pow',
  'Reciprocal',
  'ReduceL2',
  'ReduceMean',
  'ReduceSum',
  'ReduceSumSquare',
  'Sqrt',
  'Sub',
]);

/** Weights that may learn, in the order in which `nodes`, which are in executable order, use them. */
export function findWeights(nodes: readonly Node[], graph: Graph): string[] {
  /** Value → the weights that it is made of, and of nothing else. */
  const made = new Map<string, readonly string[]>(
    [...graph.initialisers].flatMap(([name, t]) => (t.type === 'float32' ? [[name, [name]] as const] : [])),
  );
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const several = (weight: string) => graph.initialisers.get(weight)!.data.length > 1;
  const learned = new Set<string>();
  const weights = new Set<string>();
  for (const node of nodes) {
    if (node.domain !== '') continue;
    const ingredients = ingredientsOf(node, made);
    if (ingredients !== null) made.set(node.outputs[0], ingredients);
    const fixed = Object.hasOwn(WEIGHT_INPUTS, node.op) ? WEIGHT_INPUTS[node.op] : [];
    const afterLayer = AFTER_LAYER.has(node.op) && node.inputs.some((name) => learned.has(name));
    if (!isPlainGroupNorm(node, makers, graph)) {
      node.inputs.forEach((name, i) => {
        const found = made.get(name) ?? [];
        const direct = fixed.includes(i) && found.length === 1;
        if (fixed.includes(i) || afterLayer)
          for (const weight of found) if (direct || several(weight)) weights.add(weight);
      });
    }
    if (fixed.length > 0 || node.inputs.some((name) => learned.has(name)))
      for (const name of node.outputs) learned.add(name);
  }
  return [...weights];
}

/** The weights that the node's result is made of, or null where anything else goes in. */
function ingredientsOf({ op, inputs }: Node, made: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  if (MOVES.has(op)) return made.get(inputs[0]) ?? null;
  if (!ARITHMETIC.has(op) || made.get(inputs[0]) === undefined) return null;
  // The axes of a sum are no float32 and no ingredient.
  const others = op.startsWith('Reduce') ? [] : inputs.slice(1);
  if (!others.every((name) => made.has(name))) return null;
  return [...new Set([inputs[0], ...others].flatMap((name) => made.get(name)!))];
}

/**
 * PyTorch's exporter writes group normalisation as InstanceNormalization of regrouped channels with scales 1 and shifts 0,
 * and the layer's own scales after it. Those ones and zeros are no weights.
 */
function isPlainGroupNorm(node: Node, makers: ReadonlyMap<string, Node>, graph: Graph): boolean {
  if (node.op !== 'InstanceNormalization' || makers.get(node.inputs[0])?.op !== 'Reshape') return false;
  const all = (name: string, value: number) => graph.initialisers.get(name)?.data.every((one) => Number(one) === value);
  return all(node.inputs[1], 1) === true && all(node.inputs[2], 0) === true;
}
