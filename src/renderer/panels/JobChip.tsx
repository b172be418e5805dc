/** What runs now, in the header: a click opens its panel. */
import { Group, Progress, Text, UnstyledButton } from '@mantine/core';
import type { JobKind } from '../../core/contract.ts';
import { useJobs } from '../queries.ts';
import type { PanelName } from '../state.ts';
import { texts } from '../texts.ts';
import { isActive, percentOf } from './job-facts.ts';
import { useSession } from './session-context.ts';

const PANEL_OF: { readonly [K in JobKind]: PanelName } = {
  predict: 'predict',
  train: 'train',
  export: 'export',
  measure: 'engine',
};

export function JobChip() {
  const session = useSession();
  const { data: jobs } = useJobs(session);
  const job = jobs?.find(({ state }) => state === 'running') ?? jobs?.find(isActive);
  if (!job) return null;
  const percent = percentOf(job);
  return (
    <UnstyledButton className="chip" onClick={() => session.view.setState({ panel: PANEL_OF[job.kind] })}>
      <Group gap={8} wrap="nowrap">
        <Text fz="xs">{texts.jobKinds[job.kind]}</Text>
        <Progress.Root w={70} size="sm">
          <Progress.Section value={percent} aria-label={texts.jobKinds[job.kind]} />
        </Progress.Root>
        <Text fz="xs" className="tabular">
          {Math.floor(percent)} %
        </Text>
      </Group>
    </UnstyledButton>
  );
}
