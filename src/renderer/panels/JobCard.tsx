/** One long piece of work: how far it is, how long it takes, a way to stop it or go on. */
import { Badge, Button, Group, Paper, Progress, Stack, Text } from '@mantine/core';
import { IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { JobState, JobStateName } from '../../core/contract.ts';
import { asSentence } from '../api.ts';
import { useJobCall } from '../queries.ts';
import { texts } from '../texts.ts';
import { isActive, percentOf, progressLine } from './job-facts.ts';
import { Note } from './Note.tsx';
import { useSession } from './session-context.ts';

const TONES: { readonly [S in JobStateName]: string } = {
  queued: 'tone-calm',
  running: 'tone-accent',
  done: 'tone-good',
  failed: 'tone-bad',
  cancelled: 'tone-calm',
  interrupted: 'tone-warn',
};

export function JobCard({ job, children }: { readonly job: JobState; readonly children?: ReactNode }) {
  const session = useSession();
  const { client } = session.workstation;
  const cancel = useJobCall(session, () => client.job.cancel({ jobId: job.jobId }));
  const resume = useJobCall(session, () => client.job.resume({ jobId: job.jobId }));
  const active = isActive(job);
  return (
    <Paper p="sm" className="card" role="group" aria-label={job.title} data-job={job.kind} data-state={job.state}>
      <Stack gap={8}>
        <Group justify="space-between" wrap="nowrap" gap={8}>
          <Text fz="sm" fw={600} truncate>
            {job.title}
          </Text>
          <Badge className={TONES[job.state]}>{texts.jobStates[job.state]}</Badge>
        </Group>
        {(active || job.state === 'interrupted') && (
          <>
            <Progress.Root size="md">
              <Progress.Section value={percentOf(job)} aria-label={texts.jobs.progress} />
            </Progress.Root>
            <Text fz="xs" c="dimmed" className="tabular">
              {progressLine(job)}
            </Text>
          </>
        )}
        {active && job.message !== '' && <Text fz="xs">{asSentence(job.message)}</Text>}
        {job.error && job.state === 'failed' && <Note tone="bad">{asSentence(job.error.message)}</Note>}
        {children}
        {(active || job.resumable) && (
          <Group gap={8} justify="flex-end">
            {active && (
              <Button
                variant="default"
                leftSection={<IconPlayerStop size={14} />}
                loading={cancel.isPending}
                onClick={() => cancel.mutate(undefined)}
              >
                {texts.jobs.cancel}
              </Button>
            )}
            {!active && job.resumable && (
              <Button
                variant="default"
                leftSection={<IconPlayerPlay size={14} />}
                loading={resume.isPending}
                onClick={() => resume.mutate(undefined)}
              >
                {texts.jobs.resume}
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </Paper>
  );
}
