/**
 * Where the nodes of a graph really run, by the runtime's own profile: a GPU provider gives what it does not know to the CPU,
 * silently, and each such node costs two copies. Child only.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { NodePlaces } from './engine-facts.ts';
import type { Tensors } from './messages.ts';
import { type RunOn, runtimeOptions, unusable } from './runtime.ts';
import { toRuntime } from './tensors.ts';

interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: { readonly provider?: string; readonly op_name?: string };
}

/** Copies between the CPU and a device are put in by the runtime: they are counted apart. */
const COPIES: ReadonlySet<string> = new Set(['MemcpyToHost', 'MemcpyFromHost']);
const CPU = 'CPUExecutionProvider';

/** Runs the graph once under the profiler. Errors: `model-unusable`. */
export async function findNodePlaces(model: Uint8Array, feeds: Tensors, on: RunOn): Promise<NodePlaces> {
  const folder = await mkdtemp(join(tmpdir(), 'histoloop-profile-'));
  try {
    const options = { ...runtimeOptions(on, { purpose: 'training' }), profileFilePrefix: join(folder, 'run') };
    const session = await InferenceSession.create(model, { ...options, enableProfiling: true });
    try {
      const given = Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(name, tensor)] as const);
      await session.run(Object.fromEntries(given));
      session.endProfiling();
    } finally {
      await session.release();
    }
    const [file] = await readdir(folder);
    return countPlaces(JSON.parse(await readFile(join(folder, file ?? ''), 'utf8')));
  } catch (cause) {
    throw unusable('the model could not be profiled', cause);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function countPlaces(events: readonly ProfileEvent[]): NodePlaces {
  const runs = events.filter(({ cat, name }) => cat === 'Node' && name?.endsWith('_kernel_time'));
  const nodes = runs.filter(({ args }) => !COPIES.has(args?.op_name ?? ''));
  const onCpu = nodes.filter(({ args }) => args?.provider === CPU);
  const cpuOperators = [...new Set(onCpu.map(({ args }) => args?.op_name ?? '?'))].sort();
  return { nodes: nodes.length, onCpu: onCpu.length, cpuOperators, copies: runs.length - nodes.length };
}
