/**
 * The pass that writes a training step in onnxruntime's blocked layout (NCHWc), in which its convolutions are about twice as
 * fast. The runtime does so by itself only where weights are constants; here they change with every step, so that they are
 * blocked inside the graph. For the CPU provider only, and only with the block size of the machine, proved by a probe
 * (`main/engine/probe-lowering.ts`): a wrong one gives wrong numbers without an error.
 */
import { BlockedDraft } from './blocked-draft.ts';
import { BLOCKED_RULES } from './blocked-rules.ts';
import { BlockedValues } from './blocked-values.ts';
import type { GraphPass } from './graph-pass.ts';

/** `block`: channels per block. */
export function blockLayout(block: number): GraphPass {
  return (graph) => {
    const draft = new BlockedDraft(graph);
    const values = new BlockedValues(draft, block);
    for (const node of graph.nodes) {
      if (values.settled.has(node.outputs[0])) continue;
      const rule = node.domain === '' && node.outputs.length === 1 ? BLOCKED_RULES[node.op] : undefined;
      if (rule?.(values, node)) continue;
      draft.nodes.push({ ...node, inputs: node.inputs.map((name) => values.plain(name)) });
    }
    for (const { name } of graph.outputs) values.plain(name);
    return { ...graph, nodes: draft.nodes, initialisers: draft.initialisers, values: draft.values };
  };
}
