/** Which outputs of a network are trained on, and what of it they need. It looks at the network only. */
import { HistoloopError } from '../errors.ts';
import type { OnnxModel } from './graph.ts';
import { rankOutputs } from './logits.ts';
import { type LossTerm, lossKind } from './loss-terms.ts';
import { findSegmentation, neededFor, type SegmentationNetwork } from './segmentation-network.ts';
import type { TrainingOptions } from './training-options.ts';
import { topologicalOrder } from './verify.ts';

/** An output that is trained on. */
export interface Head {
  readonly output: string;
  /** The network's value that the loss looks at: logits, or the output itself where it is told values. */
  readonly value: string;
  readonly loss: readonly LossTerm[];
  readonly kind: 'classes' | 'values';
  /** Names of its inputs. */
  readonly target: string;
  readonly weight: string;
}

/**
 * The heads, the main one first, and everything that they need together.
 * Errors: `model-unusable` (no such output), `bad-input` (one named twice).
 */
export function findHeads(
  model: OnnxModel,
  options: TrainingOptions,
): { network: SegmentationNetwork; heads: readonly Head[] } {
  const main = { output: options.output ?? rankOutputs(model.graph).at(0)?.name, loss: options.loss };
  const found = [main, ...(options.heads ?? [])].map(({ output, loss }, i) => {
    const network = findSegmentation(model, output);
    const kind = lossKind(loss);
    const value = kind === 'classes' ? network.logits : output!;
    const suffix = i === 0 ? '' : `/${output}`;
    return {
      network,
      head: { output: output!, value, loss, kind, target: `target${suffix}`, weight: `weight${suffix}` },
    };
  });
  const heads = found.map(({ head }) => head);
  refuseTwice(heads);
  const nodes = neededFor(
    heads.map((head) => head.value),
    topologicalOrder(model.graph),
  );
  const parameters = [...new Set(found.flatMap(({ network }) => network.parameters))];
  return { network: { ...found[0].network, nodes, parameters }, heads };
}

function refuseTwice(heads: readonly Head[]): void {
  if (new Set(heads.map((head) => head.value)).size === heads.length) return;
  const names = heads.map((head) => `'${head.output}'`).join(', ');
  throw new HistoloopError('bad-input', `the outputs ${names} are not all different answers; name each once`);
}
