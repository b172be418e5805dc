/** A session that lives in a child: the parent's handle. It holds no tensors of its own. */
import { HistoloopError } from '../../core/errors.ts';
import type { Session } from '../../core/nn/session.ts';
import type { ChildLink } from './child-link.ts';
import type { Answer, Ask } from './messages.ts';

export function remoteSession(link: ChildLink, session: number): Session {
  const openCalls = new Set<(error: Error) => void>();
  let closed = false;
  const cancelled = () => new HistoloopError('cancelled', 'the session was closed');

  const call = <K extends 'run' | 'readState'>(ask: Ask<K>): Promise<Answer<K>> => {
    if (closed) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      openCalls.add(reject);
      link
        .call<K>(ask)
        .then(resolve, reject)
        .finally(() => openCalls.delete(reject));
    });
  };

  return {
    run: (feeds) => call<'run'>({ kind: 'run', session, feeds }),
    readState: () => call<'readState'>({ kind: 'readState', session }),
    close: async () => {
      if (closed) return;
      closed = true;
      for (const reject of openCalls) reject(cancelled());
      if (!link.death()) await link.call<'close'>({ kind: 'close', session }).catch(toleratingDeath);
    },
  };
}

/** A session of a dead child is closed already. */
function toleratingDeath(error: unknown): null {
  if (error instanceof HistoloopError && (error.code === 'engine-died' || error.code === 'cancelled')) return null;
  throw error;
}
