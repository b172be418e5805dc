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
  /** A new child on another provider takes the place of the old one. */
  use(asked: ProviderName | 'auto'): Promise<void>;
  asked(): ProviderName | 'auto';
  pid(): number | null;
  close(): Promise<void>;
}

interface Begun {
  readonly link: ChildLink;
  /** Resolves once it is configured. */
  readonly ready: Promise<void>;
  /** The provider in use; before that is known, the one asked for. */
  inUse(): string;
}

/** Starts the first child at once. */
export function keepChild(needs: ChildNeeds): KeptChild {
  let wanted = needs.asked;
  let { asked } = needs;
  let fallbackReason: string | null = null;
  let closed = false;
  let current = begin(needs, null);

  /** After a death: a new child, on the CPU where the old one was not. Two callers at once get the same one. */
  const replace = async () => {
    await current.link.gone;
    if (closed || !current.link.death()) return;
    if (current.inUse() !== 'cpu') {
      fallbackReason = `${current.inUse()} is not used any more: on it ${current.link.death()?.message}`;
      asked = 'cpu';
    }
    current = begin({ ...needs, asked }, fallbackReason);
  };

  const living = async (): Promise<ChildLink> => {
    if (closed) throw new HistoloopError('engine-died', 'the engine has been closed; start a new one');
    if (current.link.death()) await replace();
    const { link, ready, inUse } = current;
    try {
      await ready;
      return link;
    } catch (error) {
      if (closed || inUse() === 'cpu' || !link.death()) throw error;
      return living();
    }
  };

  return {
    living,
    use: async (provider) => {
      if (closed) throw new HistoloopError('engine-died', 'the engine has been closed; start a new one');
      [wanted, asked, fallbackReason] = [provider, provider, null];
      const old = current;
      current = begin({ ...needs, asked }, null);
      await old.link.kill(new HistoloopError('engine-died', `the engine now runs on ${provider}; try again`));
    },
    asked: () => wanted,
    pid: () => (current.link.death() ? null : (current.link.pid ?? null)),
    close: async () => {
      closed = true;
      await current.link.kill(new HistoloopError('cancelled', 'the engine was closed'));
    },
  };
}

function begin({ start, asked, threads }: ChildNeeds, fallbackReason: string | null): Begun {
  const link = start();
  let provider: string = asked;
  const ready = link.call<'configure'>({ kind: 'configure', asked, threads, fallbackReason }).then((status) => {
    provider = status.provider;
  });
  ready.catch(() => {});
  return { link, ready, inUse: () => provider };
}
