/**
 * Brings nodes of opsets 7…22 to the one opset we build with, and spells operators we have no row for in ones we have.
 * A rule appends nodes that make the old node's first output; an operator without a rule is appended as it is.
 */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import { AXES_UPGRADES } from './upgrade-axes.ts';
import { ELEMENTWISE_UPGRADES } from './upgrade-elementwise.ts';
import { LAYER_UPGRADES } from './upgrade-layers.ts';
import { asItIs, type Upgrade } from './upgrade-rule.ts';
import { isOp, nodeLabel } from './verify.ts';

export const OLDEST_OPSET = 7;

const UPGRADES: Readonly<Record<string, Upgrade>> = { ...ELEMENTWISE_UPGRADES, ...AXES_UPGRADES, ...LAYER_UPGRADES };

/** Appends what the node means. Errors: `model-unusable`, naming the node. */
export function appendUpgraded(g: GraphBuilder, node: Node, opset: number): void {
  if (opset < OLDEST_OPSET) {
    throw new HistoloopError(
      'model-unusable',
      `the model is written in opset ${opset}; export it with opset 13 or newer`,
    );
  }
  if (node.domain === '' && Object.hasOwn(UPGRADES, node.op)) UPGRADES[node.op](g, node, opset);
  else if (node.domain === '' && !isOp(node.op)) {
    throw new HistoloopError(
      'model-unusable',
      `${nodeLabel(node)} cannot be trained through; export the network without it`,
    );
  } else asItIs(g, node);
}
