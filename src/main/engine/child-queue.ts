/**
 * The order of work in the child: one request at a time, as they came, because a run uses every core. Only `close` goes
 * first and drops what its session still waits for.
 */
import { toPlainError } from '../../core/errors.ts';
import type { Answer, Ask, FromChild, Kind, ToChild } from './messages.ts';

/** Takes messages; each is answered through `send`, once. */
export function inOrder(
  perform: (ask: Ask) => Promise<Answer<Kind>>,
  send: (message: FromChild) => void,
): (message: ToChild) => void {
  const queue: ToChild[] = [];
  let busy = false;

  const work = async () => {
    busy = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { id, ask } = next;
      const answer = await perform(ask).then(
        (value) => ({ id, value }),
        (error: unknown) => ({ id, error: toPlainError(error) }),
      );
      send(answer);
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
  const concerns = ({ ask }: ToChild) => 'session' in ask && ask.session === session;
  for (const { id } of queue.filter(concerns)) {
    send({ id, error: { code: 'cancelled', message: 'the session was closed', data: {} } });
  }
  queue.splice(0, queue.length, ...queue.filter((message) => !concerns(message)));
}
