/** One graph in the child: its runtime session and the state that stays here between runs. */
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { HistoloopError } from '../../core/errors.ts';
import type { SessionOptions, Tensor } from '../../core/nn/session.ts';
import type { Tensors } from './messages.ts';
import { createReadBack } from './read-back.ts';
import { type RunOn, unusable } from './runtime.ts';
import { fromRuntime, toRuntime } from './tensors.ts';

export interface ChildSession {
  /** One run; the state moves on only where it succeeds. Errors: `model-unusable`. */
  run(feeds: Tensors): Promise<Record<string, Tensor>>;
  readState(): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Errors: `model-unusable` where the state named in `options` is not in the graph or has no first value. */
export function childSession(runtime: InferenceSession, options: SessionOptions, on: RunOn): ChildSession {
  const readBack = createReadBack(on);
  const links = Object.entries(options.state ?? {});
  checkState(runtime, links, options.initial ?? {});
  const stateOutputs = new Set(links.map(([, output]) => output));
  const returned = runtime.outputNames.filter((name) => !stateOutputs.has(name));
  const wanted = runtime.inputNames.filter((name) => !(name in (options.state ?? {})));
  let state: Record<string, RuntimeTensor> = mapTensors(options.initial ?? {}, toRuntime);

  return {
    run: async (feeds) => {
      checkFeeds(wanted, feeds);
      const outputs = await runtime
        .run({ ...mapTensors(feeds, toRuntime), ...state }, [...returned, ...stateOutputs])
        .catch((cause: unknown) => {
          throw unusable('the model could not be run on these inputs', cause);
        });
      const answer = Object.fromEntries(returned.map((name) => [name, fromRuntime(name, outputs[name]!)]));
      for (const old of Object.values(state)) old.dispose();
      state = Object.fromEntries(links.map(([input, output]) => [input, outputs[output]!]));
      return answer;
    },
    readState: () => readBack.read(state),
    release: async () => {
      for (const old of Object.values(state)) old.dispose();
      try {
        await readBack.release();
      } finally {
        await runtime.release();
      }
    },
  };
}

function mapTensors<A, B>(
  tensors: Readonly<Record<string, A>>,
  map: (name: string, tensor: A) => B,
): Record<string, B> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, map(name, tensor)]));
}

function checkState(runtime: InferenceSession, links: [string, string][], initial: Tensors): void {
  for (const [input, output] of links) {
    const problem = !runtime.inputNames.includes(input)
      ? `the graph has no input "${input}"`
      : !runtime.outputNames.includes(output)
        ? `the graph has no output "${output}"`
        : initial[input] === undefined
          ? 'it has no first value'
          : null;
    if (problem) throw new HistoloopError('model-unusable', `state "${input}" cannot be kept: ${problem}`);
  }
  const stray = Object.keys(initial).find((name) => !links.some(([input]) => input === name));
  if (stray) throw new HistoloopError('model-unusable', `"${stray}" has a first value but is not in the state`);
}

function checkFeeds(wanted: readonly string[], feeds: Tensors): void {
  const missing = wanted.filter((name) => feeds[name] === undefined);
  const unknown = Object.keys(feeds).filter((name) => !wanted.includes(name));
  if (missing.length + unknown.length === 0) return;
  const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');
  const problems = [
    missing.length > 0 ? `${quoted(missing)} not given` : '',
    unknown.length > 0 ? `${quoted(unknown)} not an input to feed` : '',
  ].filter(Boolean);
  throw new HistoloopError('model-unusable', `wrong inputs: ${problems.join('; ')}; feed exactly ${quoted(wanted)}`);
}
