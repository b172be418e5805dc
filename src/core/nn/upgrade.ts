/**
 * Brings nodes of opsets 7…22 to the one opset we build with, and spells operators we have no row for in ones we have.
 * A rule appends nodes that make the old node's outputs; an operator without a rule is appended as it is.
 */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import { AXES_UPGRADES } from './upgrade-axes.ts';
import { ELEMENTWISE_UPGRADES } from './upgrade-elementwise.ts';
import { LAYER_UPGRADES } from './upgrade-layers.ts';
import { REFUSED } from './upgrade-refused.ts';
import { asItIs, type Upgrade } from './upgrade-rule.ts';
import { isOp, nodeLabel } from './verify.ts';

export const OLDEST_OPSET = 7;

/** By operator; those of other domains as `com.microsoft.QuickGelu`. */
const UPGRADES: Readonly<Record<string, Upgrade>> = { ...ELEMENTWISE_UPGRADES, ...AXES_UPGRADES, ...LAYER_UPGRADES };

/** Operators that are rewritten on the way in, whether they have a row or not. */
export const UPGRADED: readonly string[] = Object.keys(UPGRADES);

/** Whether a node of a file can be brought into a graph of ours at all. */
export function isUpgraded(operator: string): boolean {
  return Object.hasOwn(UPGRADES, operator);
}

/** Appends what the node means. Errors: `model-unusable`, naming the node. */
export function appendUpgraded(g: GraphBuilder, node: Node, opset: number): void {
  if (opset < OLDEST_OPSET) {
    throw new HistoloopError(
      'model-unusable',
      `the model is written in opset ${opset}; export it with opset 13 or newer`,
    );
  }
  const operator = node.domain === '' ? node.op : `${node.domain}.${node.op}`;
  if (isUpgraded(operator)) named(node, () => UPGRADES[operator](g, node, opset));
  else if (node.domain === '' && isOp(node.op)) asItIs(g, node);
  else throw refusal(node, operator);
}

/** What a rule appends goes by names of ours; whoever reads the error knows the file's. */
function named(node: Node, append: () => void): void {
  try {
    append();
  } catch (error) {
    if (!(error instanceof HistoloopError) || error.message.includes(nodeLabel(node))) throw error;
    throw new HistoloopError(error.code, `${nodeLabel(node)}: ${error.message}`);
  }
}

function refusal(node: Node, operator: string): HistoloopError {
  const why = Object.hasOwn(REFUSED, operator) ? REFUSED[operator] : 'export the network without it';
  const label = node.domain === '' ? nodeLabel(node) : `${node.domain}.${nodeLabel(node)}`;
  return new HistoloopError('model-unusable', `${label} cannot be trained through: ${why}`);
}
