/**
 * Keeps one child alive and told what to run on: a dead one is replaced when it is next needed, and a GPU that took its
 * process down is not tried again.
 */
import { HistoloopError } from '../../core/errors.ts';
import type { ChildLink } from './child-link.ts';
import type { ProviderName } from './engine-facts.ts';

export interface ChildNeeds {
  readonly start: () => ChildLink;
  readonly asked: ProviderName | 'auto';
  readonly threads: number;
}

export interface KeptChild {
  /** A child ready for work. Errors: `engine-died` where it cannot be started, or after `close`. */
  living(): Promise<ChildLink>;
  pid(): number | null;
  close(): Promise<void>;
}

interface Begun {
  readonly link: ChildLink;
  readonly ready: Promise<unknown>;
}

/** Starts the first child at once. */
export function keepChild({ start, asked: wanted, threads }: ChildNeeds): KeptChild {
  let asked = wanted;
  let fallbackReason: string | null = null;
  let closed = false;

  const begin = (): Begun => {
    const link = start();
    let inUse: string = asked;
    const configured = link.call<'configure'>({ kind: 'configure', asked, threads, fallbackReason });
    const ready = configured.then(({ provider }) => {
      inUse = provider;
    });
    ready.catch(() => {});
    void link.gone.then(() => {
      if (closed || inUse === 'cpu') return;
      fallbackReason = `${inUse} is not used any more: on it ${link.death()?.message}`;
      asked = 'cpu';
    });
    return { link, ready };
  };
  let current = begin();

  const living = async (): Promise<ChildLink> => {
    if (closed) throw new HistoloopError('engine-died', 'the engine has been closed; start a new one');
    if (current.link.death()) await current.link.gone;
    if (current.link.death()) current = begin();
    const { link, ready } = current;
    const onCpu = asked === 'cpu';
    try {
      await ready;
      return link;
    } catch (error) {
      if (closed || onCpu || !link.death()) throw error;
      return living();
    }
  };

  return {
    living,
    pid: () => (current.link.death() ? null : (current.link.pid ?? null)),
    close: async () => {
      closed = true;
      await current.link.kill(new HistoloopError('cancelled', 'the engine was closed'));
    },
  };
}
