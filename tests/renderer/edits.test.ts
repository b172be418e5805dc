/** The queue of edits: in order, each once, nothing lost while the workstation is away. */
import { expect, test, vi } from 'vitest';
import type { EditResult } from '../../src/core/contract.ts';
import { HistoloopError } from '../../src/core/errors.ts';
import { createEditQueue, type EditQueueHost, type PendingRequest } from '../../src/renderer/edits.ts';

const result: EditResult = { history: { editId: 1, canUndo: true, canRedo: false }, tiles: [] };
const undo = (requestId: string): PendingRequest => ({ kind: 'undo', slideId: 's', requestId });

function watchedQueue(send: EditQueueHost['send']) {
  const seen = { sent: [] as string[], acknowledged: [] as string[], refused: [] as string[], waiting: [] as string[] };
  const queue = createEditQueue({
    send(request) {
      seen.sent.push(request.requestId);
      return send(request);
    },
    onAcknowledged: ({ requestId }) => seen.acknowledged.push(requestId),
    onRefused: ({ requestId }) => seen.refused.push(requestId),
    onWaiting: (pending, trouble) => seen.waiting.push(`${pending}${trouble ? ' trouble' : ''}`),
  });
  return { queue, seen };
}

test('edits go one at a time, in the order they were made', async () => {
  let running = 0;
  const { queue, seen } = watchedQueue(async () => {
    expect(++running).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    return result;
  });
  for (const id of ['a', 'b', 'c']) queue.push(undo(id));
  await vi.waitFor(() => expect(seen.acknowledged).toEqual(['a', 'b', 'c']));
  expect(seen.waiting.at(-1)).toBe('0');
});

test('while the workstation is away the same request is sent again, and the rest waits behind it', async () => {
  let failures = 2;
  const { queue, seen } = watchedQueue(async () => {
    if (failures-- > 0) throw new TypeError('Failed to fetch');
    return result;
  });
  queue.push(undo('a'));
  queue.push(undo('b'));
  await vi.waitFor(() => expect(seen.waiting).toContain('2 trouble'));
  expect(queue.waiting().map(({ requestId }) => requestId)).toEqual(['a', 'b']);
  await vi.waitFor(() => expect(seen.acknowledged).toEqual(['a', 'b']), 5000);
  expect(seen.sent).toEqual(['a', 'a', 'a', 'b']);
});

test('a full disk keeps the edit; an edit that can never be right is dropped and told', async () => {
  const errors = [
    new HistoloopError('disk-full', 'the disk is full'),
    new HistoloopError('bad-input', 'no such class'),
  ];
  const { queue, seen } = watchedQueue(async () => {
    const error = errors.shift();
    if (error) throw error;
    return result;
  });
  queue.push(undo('a'));
  queue.push(undo('b'));
  await vi.waitFor(() => expect(seen.acknowledged).toEqual(['b']), 5000);
  expect(seen.sent).toEqual(['a', 'a', 'b']);
  expect(seen.refused).toEqual(['a']);
});

test('a closed queue sends nothing more', async () => {
  const { queue, seen } = watchedQueue(async () => {
    throw new TypeError('Failed to fetch');
  });
  queue.push(undo('a'));
  await vi.waitFor(() => expect(seen.sent).toEqual(['a']));
  queue.close();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(seen.sent).toEqual(['a']);
});
