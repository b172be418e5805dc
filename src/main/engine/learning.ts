/** What of a project model can learn, and whether a training step can be written for it. Runs nothing. */
import { isHistoloopError } from '../../core/errors.ts';
import { fineTuneProgram } from '../../core/learn/segment.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { prepareModel } from '../../core/nn/prepare.ts';
import { findSegmentation } from '../../core/nn/segmentation-network.ts';
import { sizeOf } from '../../core/nn/tensor.ts';
import type { ModelInspection } from './engine-facts.ts';
import type { Learning } from './examine-facts.ts';

const MOST_GROUPS = 12;

export function learningOf(model: OnnxModel, inspection: ModelInspection): Learning {
  try {
    const prepared = prepareModel(model);
    const { parameters } = findSegmentation(prepared);
    const known = spokenNames(prepared, parameters);
    const sizes = parameters.map(
      (name) => [known.get(name) ?? name, sizeOf(prepared.graph.initialisers.get(name)!.dims)] as const,
    );
    const learnable = sizes.reduce((sum, [, size]) => sum + size, 0);
    return { learnable, groups: groupsOf(sizes), problem: problemOf(model, inspection) };
  } catch (error) {
    if (!isHistoloopError(error)) throw error;
    return { learnable: 0, groups: [], problem: error.message };
  }
}

/** PyTorch calls weights that it melted together `onnx::Conv_59`; the node that uses them says where they belong. */
function spokenNames({ graph }: OnnxModel, parameters: readonly string[]): ReadonlyMap<string, string> {
  const nameless = new Set(parameters.filter((name) => /^(onnx::)?\w+_\d+$|^\d+$/.test(name)));
  const names = new Map<string, string>();
  for (const { name, inputs } of graph.nodes) {
    if (!name.includes('/')) continue;
    for (const input of inputs) if (nameless.has(input) && !names.has(input)) names.set(input, name);
  }
  return names;
}

/** Writes the very step that fine-tuning would run. */
function problemOf(model: OnnxModel, { outputName, fixedSize, sizeMultiple }: ModelInspection): string | null {
  try {
    fineTuneProgram(model, { card: { output: outputName, fixedSizePx: fixedSize?.heightPx ?? null, sizeMultiple } });
    return null;
  } catch (error) {
    if (!isHistoloopError(error)) throw error;
    return error.message;
  }
}

/** As deep into the names as keeps the list short: `encoder.layer1`, else `encoder`. */
function groupsOf(sizes: readonly (readonly [string, number])[]): Learning['groups'] {
  for (const depth of [3, 2, 1]) {
    const groups = new Map<string, number>();
    for (const [name, size] of sizes) {
      const group = groupName(name, depth);
      groups.set(group, (groups.get(group) ?? 0) + size);
    }
    if (groups.size <= MOST_GROUPS) return asList(groups);
  }
  const thirds = [0, 1, 2].map((third) => sizes.filter((_, i) => Math.floor((3 * i) / sizes.length) === third));
  return thirds.map((part, i) => ({
    name: ['first third', 'second third', 'last third'][i]!,
    parameters: part.reduce((sum, [, size]) => sum + size, 0),
  }));
}

function asList(groups: ReadonlyMap<string, number>): Learning['groups'] {
  return [...groups].map(([name, parameters]) => ({ name, parameters }));
}

/** `encoder.layer1.0.conv1.weight` and `encoder/layer1/conv/kernel:0` → their first parts; the last part is the weight's own. */
function groupName(name: string, depth: number): string {
  const parts = name
    .replace(/^onnx::/, '')
    .split(/[./]/)
    .filter((part) => part !== '');
  return parts.slice(0, Math.max(1, Math.min(depth, parts.length - 1))).join('.') || name;
}
