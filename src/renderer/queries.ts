/** What the window knows of the workstation's data, and when it asks again. The one door to TanStack Query. */
import { keepPreviousData, QueryClient, useMutation, useQuery } from '@tanstack/react-query';
import type { InputOf, JobState, ModelChoices, ModelExamination, WorkstationEvent } from '../core/contract.ts';
import { codeOf } from './api.ts';
import type { Session } from './session.ts';

export { QueryClientProvider } from '@tanstack/react-query';

const HISTORY_LIMIT = 200;

export const keys = {
  status: ['status'] as const,
  engine: ['engine'] as const,
  project: ['project'] as const,
  models: ['models'] as const,
  jobs: ['jobs'] as const,
  slide: (slideId: string | null) => ['slide', slideId] as const,
  history: (slideId: string | null) => ['history', slideId] as const,
  folder: (folder: string | null) => ['folder', folder] as const,
};

/** An answer that says no is final; only an absent workstation is asked again. */
export function createQueryClient(): QueryClient {
  const retry = (count: number, error: Error) => codeOf(error) === null && count < 5;
  return new QueryClient({
    defaultOptions: {
      queries: { retry, networkMode: 'always', refetchOnWindowFocus: false, staleTime: 60_000 },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
}

export function useStatus({ workstation }: Session) {
  return useQuery({ queryKey: keys.status, queryFn: () => workstation.client.app.status() });
}

/** Asked anew whenever it is shown: memory grows, a provider may have died meanwhile. */
export function useEngine({ workstation }: Session) {
  return useQuery({ queryKey: keys.engine, queryFn: () => workstation.client.engine.truth(), staleTime: 0 });
}

export function useProject({ workstation }: Session) {
  return useQuery({ queryKey: keys.project, queryFn: () => workstation.client.project.get() });
}

export function useModels({ workstation }: Session) {
  return useQuery({ queryKey: keys.models, queryFn: () => workstation.client.model.list() });
}

export function useJobs({ workstation }: Session) {
  return useQuery({ queryKey: keys.jobs, queryFn: () => workstation.client.job.list() });
}

export function useSlide({ workstation }: Session, slideId: string | null) {
  return useQuery({
    queryKey: keys.slide(slideId),
    queryFn: () => workstation.client.slide.get({ slideId: slideId ?? '' }),
    enabled: slideId !== null,
  });
}

export function useHistory({ workstation }: Session, slideId: string | null) {
  return useQuery({
    queryKey: keys.history(slideId),
    queryFn: () => workstation.client.mask.history({ slideId: slideId ?? '', limit: HISTORY_LIMIT }),
    enabled: slideId !== null,
  });
}

export function useFolder({ workstation }: Session, folder: string | null) {
  return useQuery({
    queryKey: keys.folder(folder),
    queryFn: () => workstation.client.slide.browse({ folder }),
    staleTime: 0,
  });
}

/** Looks at a model file. The answer is shown where it was asked for, and so is the refusal. */
export function useExamine({ workstation }: Session) {
  return useMutation({
    mutationFn: (input: InputOf<'model', 'examine'>) => workstation.client.model.examine(input),
  });
}

/** The same file again whenever another output, activation or channel order is chosen. */
export function useExamined({ workstation }: Session, first: ModelExamination, choices: ModelChoices) {
  const wiring = ({ output, activation, channelOrder }: ModelChoices) => ({ output, activation, channelOrder });
  const chosen = wiring(choices);
  const initial = JSON.stringify(wiring(first.suggested)) === JSON.stringify(chosen);
  return useQuery({
    queryKey: ['examine', first.path, chosen],
    queryFn: () => workstation.client.model.examine({ path: first.path, choices: chosen }),
    placeholderData: keepPreviousData,
    ...(initial && { initialData: first }),
    gcTime: 0,
  });
}

/** What a network makes of a piece of a slide; the last answer stays until the next is there. Class names change nothing. */
export function useTrial({ workstation }: Session, input: InputOf<'model', 'trial'> | null) {
  const key = input && { ...input, choices: { ...input.choices, name: '', classes: input.choices.classes.length } };
  return useQuery({
    queryKey: ['trial', key],
    queryFn: () => workstation.client.model.trial(input!),
    enabled: input !== null,
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 0,
  });
}

/** A call that changes something: errors are told to the person, and what it may have changed is asked again. */
export function useChange<Input, Output>(
  session: Session,
  call: (input: Input) => Promise<Output>,
  changed: readonly (readonly unknown[])[] = [],
) {
  return useMutation({
    mutationFn: call,
    onError: (error) => session.notices.error(error),
    onSettled: () => Promise.all(changed.map((queryKey) => session.queries.invalidateQueries({ queryKey }))),
  });
}

/** Starts, cancels or resumes a job; its state shows at once. */
export function useJobCall<Input>(session: Session, call: (input: Input) => Promise<JobState>) {
  return useMutation({
    mutationFn: call,
    onError: (error) => session.notices.error(error),
    onSuccess: (job) => putJob(session.queries, job),
  });
}

/** Newest first, one entry a job; a state that arrives late never replaces a finished one. */
export function mergeJob(jobs: readonly JobState[], job: JobState): readonly JobState[] {
  const at = jobs.findIndex((old) => old.jobId === job.jobId);
  if (at < 0) return [job, ...jobs];
  if (stageOf(job) < stageOf(jobs[at]!)) return jobs;
  return jobs.map((old, i) => (i === at ? job : old));
}

/** An answer may overtake the events of its own job: a job only ever goes forward. */
function stageOf({ state }: JobState): number {
  if (state === 'queued') return 0;
  return state === 'running' ? 1 : 2;
}

function putJob(queries: QueryClient, job: JobState): void {
  queries.setQueryData<readonly JobState[]>(keys.jobs, (jobs) => mergeJob(jobs ?? [], job));
}

/** Brings what the window knows up to date with an event. */
export function takeEvent(queries: QueryClient, event: WorkstationEvent): void {
  const renew = (queryKey: readonly unknown[]) => void queries.invalidateQueries({ queryKey });
  switch (event.kind) {
    case 'project.changed':
      renew(keys.project);
      renew(['slide']);
      return;
    case 'mask.changed':
      return;
    case 'history.changed':
      queries.setQueryData(
        keys.slide(event.slideId),
        (old: object | undefined) => old && { ...old, history: event.history },
      );
      renew(keys.history(event.slideId));
      return;
    case 'model.changed':
      renew(keys.models);
      renew(keys.project);
      return;
    case 'job.progressed':
      putJob(queries, event.job);
      if (event.job.state === 'done')
        for (const key of [keys.models, keys.project, keys.status, keys.engine, ['slide']]) renew(key);
      return;
    default:
      event satisfies never;
  }
}

/** After events may have been missed. */
export function renewAll(queries: QueryClient): void {
  void queries.invalidateQueries();
}
