/** Which nodes are computed while a graph is built: cheap ones whose inputs are known, within a budget for each graph. */
import type { Node } from './graph.ts';
import type { KnownValue, Shape } from './shape-question.ts';
import { sizeOf } from './tensor.ts';

/** Constants up to this many elements are shared and may serve as shapes. */
export const SMALL = 64;
/** Results of constants up to this many elements are computed while building. */
const LARGE = 2 ** 22;
/** Elements of all results together; a file of ten thousand large constants must not fill the memory. */
const BUDGET = 2 ** 26;
/** Steps of the slow kernels that one node may take, about a second. */
const MOST_WORK = 2 ** 26;
/** Operators whose work is more than a pass over their inputs and outputs. */
const PRODUCTS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'AveragePool', 'MaxPool']);

export class FoldingBudget {
  private left = BUDGET;

  /** Whether the node's results are known already; takes them from the budget. Networks compute their own shapes that way. */
  take(node: Node, inputs: readonly (KnownValue | undefined)[], shapes: readonly Shape[]): boolean {
    if (node.op === 'Shape') return true;
    if (inputs.some((input) => input !== undefined && input.constant === undefined)) return false;
    const sizes = shapes.map(({ dims }) => sizeOf(dims));
    if (sizes.every((size) => size <= SMALL) && workOf(node, inputs, sizes[0]) <= MOST_WORK) return true;
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (node.op === 'ConstantOfShape' || total > Math.min(LARGE, this.left)) return false;
    if (workOf(node, inputs, sizes[0]) > MOST_WORK) return false;
    this.left -= total;
    return true;
  }
}

/** A bound on multiplications: each output element meets no more than all of the smaller input. */
function workOf(node: Node, inputs: readonly (KnownValue | undefined)[], size: number): number {
  if (!PRODUCTS.has(node.op)) return 0;
  const sizes = inputs.flatMap((input) => (input === undefined ? [] : [sizeOf(input.dims)]));
  return size * Math.min(...sizes.slice(0, 2));
}
