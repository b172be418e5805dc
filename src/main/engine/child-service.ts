/** What the child does with each request. Knows nothing of queues (child-queue) nor of how messages travel (engine-child). */
import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import { assert, HistoloopError } from '../../core/errors.ts';
import type { SessionOptions } from '../../core/nn/session.ts';
import { type ChildSession, childSession } from './child-session.ts';
import { deviceFacts } from './device-facts.ts';
import type { EngineStatus } from './engine-facts.ts';
import { examineModel } from './examine.ts';
import { inspectModel } from './inspect.ts';
import type { Answer, Ask, Kind, Protocol } from './messages.ts';
import { refuseUnsafe } from './model-file.ts';
import { findNodePlaces } from './node-places.ts';
import { loweringOn } from './probe-lowering.ts';
import { chooseProvider } from './providers.ts';
import { openRuntime, reasonOf, unusable } from './runtime.ts';
import { tryOut } from './try-out.ts';

interface Held {
  status: EngineStatus | null;
  readonly sessions: Map<number, ChildSession>;
}

type Performers = { readonly [K in Kind]: (held: Held, ask: Ask<K>) => Answer<K> | Promise<Answer<K>> };

const PERFORM: Performers = {
  configure: async (held, ask) => {
    held.status = await configure(ask);
    return held.status;
  },
  status: (held) => configured(held),
  open: async (held, ask) => {
    const status = configured(held);
    const { session, fallbackReason } = await openHere(ask.model, ask.options, status);
    held.status = { ...status, fallbackReason: fallbackReason ?? status.fallbackReason };
    held.sessions.set(ask.session, session);
    return null;
  },
  run: (held, { session, feeds }) => sessionOf(held, session).run(feeds),
  readState: (held, { session }) => sessionOf(held, session).readState(),
  close: async (held, { session }) => {
    const closing = held.sessions.get(session);
    held.sessions.delete(session);
    await closing?.release();
    return null;
  },
  places: (held, { model, feeds }) => {
    refuseUnsafe(model);
    return findNodePlaces(model, feeds, configured(held));
  },
  surroundings: (held) => ({
    ...deviceFacts(configured(held).provider),
    peakMemoryMb: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
  inspect: (_held, { model, threads }) => inspectModel(model, threads),
  examine: (_held, { path, wish, threads }) => examineModel(path, wish, threads),
  tryOut: (_held, { model, feeds, threads }) => tryOut(model, feeds, threads),
};

/** Performs one request after another; the caller sees to it that they do not overlap. */
export function createService(): (ask: Ask) => Promise<Answer<Kind>> {
  const held: Held = { status: null, sessions: new Map() };
  return async (ask) => PERFORM[ask.kind](held, ask as never);
}

function configured({ status }: Held): EngineStatus {
  assert(status, 'configure comes first');
  return status;
}

function sessionOf({ sessions }: Held, number: number): ChildSession {
  const session = sessions.get(number);
  if (!session) throw new HistoloopError('cancelled', 'the session was closed');
  return session;
}

async function configure(ask: Protocol['configure']['ask']): Promise<EngineStatus> {
  const choice = await chooseProvider(ask.asked);
  const cpu = cpus()[0]?.model ?? process.arch;
  return {
    ...choice,
    fallbackReason: ask.fallbackReason ?? choice.fallbackReason,
    threads: ask.threads,
    device: choice.provider === 'cpu' ? `${cpu}, ${ask.threads} threads` : choice.provider,
    runtimeVersion: env.versions.node ?? env.versions.common,
    lowering: await loweringOn(choice.provider),
  };
}

/** A graph that a GPU provider cannot hold is opened on the CPU, and the reason kept. */
async function openHere(model: Uint8Array, options: SessionOptions, on: EngineStatus) {
  refuseUnsafe(model);
  const opening = 'the model could not be loaded';
  const openCpu = () =>
    openRuntime(model, { ...on, provider: 'cpu' }, options).catch((cause: unknown) => {
      throw unusable(opening, cause);
    });
  let fallbackReason: string | null = null;
  const runtime =
    on.provider === 'cpu'
      ? await openCpu()
      : await openRuntime(model, on, options).catch((cause: unknown) => {
          fallbackReason = `${on.provider}: a model could not be loaded on it (${reasonOf(cause)})`;
          return openCpu();
        });
  try {
    return { session: childSession(runtime, options, on), fallbackReason };
  } catch (error) {
    await runtime.release();
    throw error;
  }
}
