import { expect, test } from 'vitest';
import type { JobState, WorkstationEvent } from '../../src/core/contract.ts';
import { createEvents } from '../../src/main/events.ts';

const changed: WorkstationEvent = { kind: 'project.changed' };
const job = (jobId: string, message: string) =>
  ({ kind: 'job.progressed', job: { jobId, message } as JobState }) satisfies WorkstationEvent;

async function take(events: AsyncIterable<WorkstationEvent>, count: number): Promise<WorkstationEvent[]> {
  const taken: WorkstationEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

test('every listener hears every event, after what it missed', async () => {
  const events = createEvents();
  const first = events.listen([job('a', 'running')], undefined);
  const second = events.listen([], undefined);
  events.emit(changed);
  expect(await take(first, 2)).toEqual([job('a', 'running'), changed]);
  expect(await take(second, 1)).toEqual([changed]);
});

test('a slow listener gets the newest state of a job, not a flood', async () => {
  const events = createEvents();
  const slow = events.listen([], undefined);
  for (let i = 0; i < 1000; i++) events.emit(job('a', String(i)));
  events.emit(job('b', 'other'));
  expect(await take(slow, 2)).toEqual([job('a', '999'), job('b', 'other')]);
});

test('listening ends at once when the caller leaves, its signal aborts or the workstation closes', async () => {
  const events = createEvents();
  const abort = new AbortController();
  const byReturn = events.listen([], undefined)[Symbol.asyncIterator]();
  const waiting = byReturn.next();
  await byReturn.return?.();
  expect((await waiting).done).toBe(true);
  const bySignal = take(events.listen([], abort.signal), 1);
  abort.abort();
  expect(await bySignal).toEqual([]);
  const byClose = take(events.listen([], undefined), 1);
  events.close();
  expect(await byClose).toEqual([]);
});

test('a listener that never reads is let go before its backlog fills the memory', async () => {
  const events = createEvents();
  const stuck = events.listen([], undefined);
  for (let i = 0; i < 6000; i++) events.emit(changed);
  expect(await take(stuck, 1)).toEqual([]);
});

test('nobody waits for events of a closed workstation', async () => {
  const events = createEvents();
  events.close();
  expect(await take(events.listen([], undefined), 1)).toEqual([]);
});
