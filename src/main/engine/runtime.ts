/**
 * The way onnxruntime is set up here, and its complaints in our words. Runs in the child only.
 */
import { env, InferenceSession } from 'onnxruntime-node';
import { HistoloopError, isHistoloopError } from '../../core/errors.ts';
import type { SessionOptions } from '../../core/nn/session.ts';
import type { ProviderName } from './engine-facts.ts';

env.logLevel = 'error';

export interface RunOn {
  readonly provider: ProviderName;
  readonly threads: number;
}

type OpenOptions = Pick<SessionOptions, 'purpose' | 'state'>;

/** Providers on whose device the state may stay between runs; with the others the runtime knows only the CPU's memory. */
const KEEPS_STATE: ReadonlySet<ProviderName> = new Set(['webgpu']);

/**
 * Options as measured (docs/decisions/0002): without the memory pattern a training step needs half the memory; without
 * spinning an idle session leaves the cores to the next one. Constant weights are blocked for the CPU at level 'all';
 * training graphs have none, and 'extended' starts faster.
 */
export function openRuntime(model: Uint8Array, on: RunOn, options: OpenOptions): Promise<InferenceSession> {
  return InferenceSession.create(model, runtimeOptions(on, options));
}

export function runtimeOptions(on: RunOn, { purpose, state }: OpenOptions): InferenceSession.SessionOptions {
  const kept = KEEPS_STATE.has(on.provider) ? Object.values(state ?? {}) : [];
  return {
    executionProviders: [on.provider],
    intraOpNumThreads: on.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableMemPattern: false,
    graphOptimizationLevel: purpose === 'training' ? 'extended' : 'all',
    logSeverityLevel: 3,
    ...(kept.length > 0 && { preferredOutputLocation: Object.fromEntries(kept.map((name) => [name, 'gpu-buffer'])) }),
    extra: { session: { force_spinning_stop: '1' } },
  };
}

/** The runtime's complaint as `model-unusable`, in one line, led by what we were doing. */
export function unusable(doing: string, cause: unknown): HistoloopError {
  if (isHistoloopError(cause)) return cause;
  return new HistoloopError('model-unusable', `${doing}: ${reasonOf(cause)}`, { cause });
}

/** The useful line of a runtime message: no source paths, no bracketed status. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const line = text
    .replace(/\s+/g, ' ')
    .replace(/\/onnxruntime_src\/\S+ .*? was false\. /, '')
    .replace(/\/onnxruntime_src\/\S+\s*/g, '')
    .replace(/Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: /g, 'in $1 "$2": ')
    .replace(/\[ONNXRuntimeError\] : \d+ : \w+ : /g, '')
    .trim();
  if (/bad_alloc|Failed to allocate memory/i.test(line))
    return `not enough memory (${line}); use a smaller tile or batch`;
  return line.length > 400 ? `${line.slice(0, 400)}…` : line;
}
