/**
 * What the child does with a request. One request at a time, in order of arrival, because a run uses every core; only
 * `close` goes first. Knows nothing of how messages travel.
 */
import { cpus } from 'node:os';
import { env } from 'onnxruntime-node';
import { assert, HistoloopError, never, toPlainError } from '../../core/errors.ts';
import type { SessionOptions } from '../../core/nn/session.ts';
import { type ChildSession, childSession } from './child-session.ts';
import type { EngineStatus } from './engine-facts.ts';
import { inspectModel } from './inspect.ts';
import type { Ask, FromChild, Protocol, ToChild } from './messages.ts';
import { refuseUnsafe } from './model-file.ts';
import { chooseProvider } from './providers.ts';
import { openRuntime, reasonOf, unusable } from './runtime.ts';

/** Takes requests; every one is answered through `send`, once. */
export function createService(send: (message: FromChild) => void): (message: ToChild) => void {
  const sessions = new Map<number, ChildSession>();
  const queue: ToChild[] = [];
  let status: EngineStatus | null = null;
  let busy = false;

  const settle = async (id: number, work: () => Promise<unknown>) => {
    try {
      send({ id, value: (await work()) as never });
    } catch (error) {
      send({ id, error: toPlainError(error) });
    }
  };

  const open = async (ask: Ask<'open'>) => {
    assert(status, 'configure comes first');
    const opened = await openHere(ask.model, ask.options, status);
    if (opened.fallbackReason) status = { ...status, fallbackReason: opened.fallbackReason };
    sessions.set(ask.session, opened.session);
    return null;
  };

  const sessionOf = (number: number) => {
    const session = sessions.get(number);
    if (!session) throw new HistoloopError('cancelled', 'the session was closed');
    return session;
  };

  const perform = async (ask: Ask): Promise<unknown> => {
    switch (ask.kind) {
      case 'configure':
        status = await configure(ask);
        return status;
      case 'status':
        return status;
      case 'open':
        return open(ask);
      case 'run':
        return sessionOf(ask.session).run(ask.feeds);
      case 'readState':
        return sessionOf(ask.session).readState();
      case 'close':
        return close(ask.session);
      case 'inspect':
        return inspectModel(ask.model, ask.threads);
      default:
        return never(ask);
    }
  };

  const close = async (number: number) => {
    const session = sessions.get(number);
    sessions.delete(number);
    await session?.release();
    return null;
  };

  const work = async () => {
    busy = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { id, ask } = next;
      await settle(id, () => perform(ask));
      await newsFromParent();
    }
    busy = false;
  };

  return (message) => {
    if (message.ask.kind === 'close') {
      dropWaiting(queue, message.ask.session, send);
      queue.unshift(message);
    } else queue.push(message);
    if (!busy) void work();
  };
}

/** A run blocks this process's event loop; between two runs it must come round once to hear of a close. */
function newsFromParent(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function dropWaiting(queue: ToChild[], session: number, send: (message: FromChild) => void): void {
  const concerns = (message: ToChild) => 'session' in message.ask && message.ask.session === session;
  for (const { id } of queue.filter(concerns)) {
    send({ id, error: { code: 'cancelled', message: 'the session was closed', data: {} } });
  }
  queue.splice(0, queue.length, ...queue.filter((message) => !concerns(message)));
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
  };
}

/** A graph that a GPU provider cannot hold is opened on the CPU, and the reason kept. */
async function openHere(model: Uint8Array, options: SessionOptions, on: EngineStatus) {
  refuseUnsafe(model);
  const opening = 'the model could not be loaded';
  const openCpu = () =>
    openRuntime(model, { ...on, provider: 'cpu' }, options.purpose).catch((cause: unknown) => {
      throw unusable(opening, cause);
    });
  let fallbackReason: string | null = null;
  const runtime =
    on.provider === 'cpu'
      ? await openCpu()
      : await openRuntime(model, on, options.purpose).catch((cause: unknown) => {
          fallbackReason = `${on.provider}: a model could not be loaded on it (${reasonOf(cause)})`;
          return openCpu();
        });
  try {
    return { session: childSession(runtime, options), fallbackReason };
  } catch (error) {
    await runtime.release();
    throw error;
  }
}
