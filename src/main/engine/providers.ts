/** What could run a graph on this machine, and why the rest cannot. Child only. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import type { ProviderStatus } from '../../core/contract.ts';
import { deviceFacts, isSoftware } from './device-facts.ts';
import type { ProviderName } from './engine-facts.ts';
import { whyNot } from './probe.ts';

/** Order in which 'auto' tries them; the CPU comes last and always works. */
const FASTEST_FIRST = ['cuda', 'dml', 'coreml', 'webgpu', 'cpu'] as const satisfies ProviderName[];

const ELSEWHERE: Record<ProviderName, string> = {
  cpu: 'the CPU part of onnxruntime is missing; reinstall the program',
  webgpu: 'this build of onnxruntime has no WebGPU',
  cuda: 'onnxruntime for Node offers NVIDIA CUDA on Linux x64 only',
  dml: 'DirectML is a part of Windows',
  coreml: 'Core ML is a part of macOS',
};
const NO_CUDA_FILES =
  'the CUDA libraries are not installed; with an NVIDIA driver and internet access run `npm run cuda:install`';
const NOT_TRIED = 'comes with this program; tried on this machine once it is chosen';

export interface Choice {
  readonly provider: ProviderName;
  /** Why it is not the one asked for; null where it is. */
  readonly fallbackReason: string | null;
  readonly providers: readonly ProviderStatus[];
}

/** Tries what was asked for and settles on the CPU where that fails. Never throws; a bad driver may kill the process. */
export async function chooseProvider(asked: ProviderName | 'auto'): Promise<Choice> {
  const tried = new Map<ProviderName, string | null>([['cpu', null]]);
  const candidates = asked === 'auto' ? FASTEST_FIRST.filter(inThisBuild) : [asked];
  for (const name of candidates) {
    const problem = absence(name) ?? (name === 'cpu' ? null : await whyNot(name)) ?? whyNotQuicker(name, asked);
    tried.set(name, problem);
    if (problem === null) break;
  }
  const provider = candidates.find((name) => tried.get(name) === null) ?? 'cpu';
  const failed = [...tried].filter(([, problem]) => problem !== null).map(([name, problem]) => `${name}: ${problem}`);
  const fallbackReason = failed.length > 0 && provider === 'cpu' ? failed.join('; ') : null;
  return { provider, fallbackReason, providers: [...FASTEST_FIRST].reverse().map((name) => statusOf(name, tried)) };
}

/** A graphics card made of software is for tests: who asks for the quickest is better served by the processor itself. */
function whyNotQuicker(name: ProviderName, asked: ProviderName | 'auto'): string | null {
  if (asked !== 'auto' || name === 'cpu') return null;
  const { driver } = deviceFacts(name);
  return driver !== null && isSoftware(driver) ? `its driver is ${driver}: the processor is quicker` : null;
}

function statusOf(name: ProviderName, tried: ReadonlyMap<ProviderName, string | null>): ProviderStatus {
  const problem = tried.get(name) ?? absence(name);
  const untried = problem === null && !tried.has(name);
  return { name, available: problem === null, reason: untried ? NOT_TRIED : problem };
}

/** Why the provider cannot even be tried here, or null. */
function absence(name: ProviderName): string | null {
  if (!inThisBuild(name)) return ELSEWHERE[name];
  return name === 'cuda' && !existsSync(cudaLibrary()) ? NO_CUDA_FILES : null;
}

function inThisBuild(name: ProviderName): boolean {
  return listSupportedBackends().some((backend) => backend.name === name);
}

function cudaLibrary(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return join(root, 'bin/napi-v6', process.platform, process.arch, 'libonnxruntime_providers_cuda.so');
}
