/**
 * A user's model file as a network: every byte is doubted before it is decoded, weights beside it are read, and nothing of
 * it is run. Child only, in a process that is thrown away afterwards.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { HistoloopError } from '../../core/errors.ts';
import { foldBranches } from '../../core/nn/fold-branches.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { readModel } from '../../core/nn/onnx.ts';
import { topologicalOrder } from '../../core/nn/verify.ts';
import { externalWeights } from './external-weights.ts';
import { MAX_MODEL_BYTES, type ModelFile, readModelFile, refuse } from './model-file.ts';

export interface NetworkFile {
  readonly model: OnnxModel;
  readonly file: ModelFile;
  readonly changes: readonly string[];
}

/** Errors: `file-missing`, `model-unusable`. */
export function readNetworkFile(path: string): NetworkFile {
  const { bytes, real } = readWhole(path);
  const file = readModelFile(bytes);
  const external = externalWeights(real);
  try {
    const read = readModel(bytes, external.read);
    const folded = foldBranches(read.model);
    const { graph } = folded.model;
    topologicalOrder(graph);
    refuseNotANumber(folded.model);
    const changes = [
      ...read.changes,
      ...(file.external.length > 0
        ? [`${file.external.length} weights that lay beside the file are taken into it`]
        : []),
      ...(folded.branches > 0 ? [`${folded.branches} choices that were decided at export are taken as decided`] : []),
    ];
    return { model: folded.model, file, changes };
  } finally {
    external.close();
  }
}

function readWhole(path: string): { bytes: Uint8Array; real: string } {
  try {
    const real = realpathSync(path);
    const found = statSync(real);
    if (!found.isFile()) throw refuse(`${path} is no file; choose the .onnx file itself`);
    if (found.size > MAX_MODEL_BYTES) {
      throw refuse(`${path} has ${(found.size / 1e9).toFixed(1)} GB; one ONNX file holds at most 2.1 GB`);
    }
    return { bytes: new Uint8Array(readFileSync(real)), real };
  } catch (cause) {
    if (cause instanceof HistoloopError) throw cause;
    const message = `the model file ${path} cannot be read; put it back, or check that you may read it`;
    throw new HistoloopError('file-missing', message, { cause });
  }
}

/** A weight that is not a number spreads to every pixel; infinite ones may be meant (masks of attention). */
function refuseNotANumber({ graph }: OnnxModel): void {
  for (const [name, { data, type }] of graph.initialisers) {
    if (type !== 'float32' && type !== 'float64') continue;
    const values = data as Float32Array | Float64Array;
    let bad = 0;
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) bad++;
    if (bad === 0) continue;
    throw refuse(
      `${bad} of ${values.length} values of weight '${name}' are not numbers (NaN); the file is damaged or its training diverged, use an earlier version`,
    );
  }
}
