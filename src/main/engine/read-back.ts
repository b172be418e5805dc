/**
 * State that lies on a GPU, fetched: a graph that gives back what it is fed. `Tensor.getData` on a GPU tensor ends the whole
 * process (onnxruntime-node 1.30), running such a graph does not. Child only.
 */
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { GraphBuilder } from '../../core/nn/builder.ts';
import type { OnnxModel } from '../../core/nn/graph.ts';
import { encodeModel } from '../../core/nn/onnx.ts';
import type { Tensor } from '../../core/nn/session.ts';
import { openRuntime, type RunOn } from './runtime.ts';
import { fromRuntime } from './tensors.ts';

export interface ReadBack {
  /** Copies the tensors to the CPU, by their names. */
  read(tensors: Readonly<Record<string, RuntimeTensor>>): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** The graph is opened when something is first read, for the types and sizes that were asked for. */
export function createReadBack(on: RunOn): ReadBack {
  const open = new Map<string, Promise<InferenceSession>>();
  const sessionFor = (tensor: RuntimeTensor) => {
    const form = `${tensor.type} ${tensor.dims}`;
    const known = open.get(form);
    if (known !== undefined) return known;
    const session = openRuntime(encodeModel(identity(tensor)), on, { purpose: 'training' });
    open.set(form, session);
    // Whoever reads hears of it; the next one may try again.
    session.catch(() => open.delete(form));
    return session;
  };
  return {
    async read(tensors) {
      const found: Record<string, Tensor> = {};
      for (const [name, tensor] of Object.entries(tensors)) {
        const { copy } =
          tensor.location !== 'gpu-buffer' ? { copy: tensor } : await (await sessionFor(tensor)).run({ tensor });
        found[name] = fromRuntime(name, copy as RuntimeTensor);
      }
      return found;
    },
    async release() {
      for (const session of open.values()) await (await session).release();
      open.clear();
    },
  };
}

function identity({ type, dims }: RuntimeTensor): OnnxModel {
  const g = new GraphBuilder();
  g.output('copy', g.input('tensor', type as Tensor['type'], dims));
  return g.finish('read back');
}
