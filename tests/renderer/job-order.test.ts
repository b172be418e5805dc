import { expect, test } from 'vitest';
import type { JobState } from '../../src/core/contract.ts';
import { mergeJob } from '../../src/renderer/queries.ts';

const job = (jobId: string, state: JobState['state'], message = '') => ({ jobId, state, message }) as JobState;

test('an answer that arrives after the job has ended does not bring it back to life', () => {
  const jobs = [job('a', 'done')];
  expect(mergeJob(jobs, job('a', 'queued'))).toEqual(jobs);
  expect(mergeJob(jobs, job('a', 'running'))).toEqual(jobs);
  expect(mergeJob([job('a', 'running')], job('a', 'queued'))).toEqual([job('a', 'running')]);
});

test('a newer state of the same stage replaces the older, a new job comes first', () => {
  const jobs = [job('a', 'running', 'reading')];
  expect(mergeJob(jobs, job('a', 'running', 'learning'))).toEqual([job('a', 'running', 'learning')]);
  expect(mergeJob(jobs, job('b', 'queued')).map(({ jobId }) => jobId)).toEqual(['b', 'a']);
});
