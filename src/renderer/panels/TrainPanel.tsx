/** Fine-tunes the live model on the stored corrections and says honestly whether it helped. */
import { Button, Group, NumberInput, Stack, Text, Title } from '@mantine/core';
import { IconArrowRight, IconSparkles } from '@tabler/icons-react';
import { useState } from 'react';
import type { JobState, TrainingRecord } from '../../core/contract.ts';
import { asSentence } from '../api.ts';
import { formatDice, formatSeconds } from '../format.ts';
import { useHistory, useJobCall, useJobs } from '../queries.ts';
import { texts } from '../texts.ts';
import { JobCard } from './JobCard.tsx';
import { isActive, latestOf } from './job-facts.ts';
import { LossCurve } from './LossCurve.tsx';
import { Note } from './Note.tsx';
import { useSession, useViewState } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.train;
const DEFAULT_STEPS = 120;

export function TrainPanel() {
  const session = useSession();
  const { data: jobs } = useJobs(session);
  const [steps, setSteps] = useState<number | string>(DEFAULT_STEPS);
  const start = useJobCall(session, (count: number) =>
    session.workstation.client.train.start({ steps: count, seed: null }),
  );
  const job = latestOf(jobs, 'train');
  const valid = typeof steps === 'number' && steps >= 1;
  return (
    <Stack gap={12} component="section" aria-labelledby="train-title">
      <Title order={2} id="train-title">
        {t.title}
      </Title>
      <Text fz="xs" c="dimmed">
        {t.intro}
      </Text>
      <Corrections />
      <Group align="end" gap={8} grow>
        <NumberInput
          label={t.steps}
          value={steps}
          onChange={setSteps}
          min={1}
          max={100_000}
          step={20}
          allowDecimal={false}
          clampBehavior="strict"
        />
        <Button
          leftSection={<IconSparkles size={15} />}
          disabled={!valid || (job !== null && isActive(job))}
          loading={start.isPending}
          onClick={() => valid && start.mutate(steps)}
        >
          {t.start}
        </Button>
      </Group>
      {job && (
        <JobCard job={job}>
          <LossCurve loss={job.loss} />
          <TrainResult job={job} />
        </JobCard>
      )}
    </Stack>
  );
}

function Corrections() {
  const slideId = useViewState((state) => state.slideId);
  const { data: entries = [] } = useHistory(useSession(), slideId);
  const count = entries.filter((entry) => entry.target === null && !entry.undone).length;
  return (
    <Text fz="sm" fw={500}>
      {t.corrections(count)}
    </Text>
  );
}

function TrainResult({ job }: { readonly job: JobState }) {
  if (job.result?.kind !== 'train') return null;
  const { promoted, record } = job.result;
  return (
    <Stack gap={8}>
      <Dice record={record} />
      <Note tone={promoted ? 'good' : 'warn'}>{promoted ? t.promoted : t.refused}</Note>
      {record.warnings.map((warning) => (
        <Note key={warning} tone="warn">
          {asSentence(warning)}
        </Note>
      ))}
      <Text fz="xs" c="dimmed" className="tabular">
        {t.blocks(record.trainingBlocks, record.heldOutBlocks)} · {t.facts(record.steps, formatSeconds(record.seconds))}
      </Text>
      {promoted && <CompareButton />}
    </Stack>
  );
}

function Dice({ record }: { readonly record: TrainingRecord }) {
  return (
    <div>
      <Text fz="xs" c="dimmed">
        {t.heldOut}
      </Text>
      <Group gap={10} align="center" className="dice">
        <Figure name={t.before} value={record.diceBefore} />
        <IconArrowRight size={18} aria-hidden />
        <Figure name={t.after} value={record.diceAfter} />
      </Group>
    </div>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: number }) {
  return (
    <div>
      <Text fz={20} fw={600} className="tabular">
        {formatDice(value)}
      </Text>
      <Text fz="xs" c="dimmed">
        {name}
      </Text>
    </div>
  );
}

/** Shows the newest prediction, with the one before it a key away. */
function CompareButton() {
  const { view } = useSession();
  const older = useOpenSlide()?.predictions[1];
  if (older === undefined) return null;
  const compare = () =>
    view.setState({ prediction: 'newest', compareWith: older.layerId, showingBefore: true, panel: 'correct' });
  return (
    <Button variant="default" onClick={compare}>
      {t.compare}
    </Button>
  );
}
