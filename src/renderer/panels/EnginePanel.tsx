/** What computes on this machine, how quickly, what else there would be and why it is not used. */
import { Button, Radio, Stack, Table, Text, Title } from '@mantine/core';
import { IconGauge } from '@tabler/icons-react';
import type { EngineMeasurement, EngineTruth, ProviderStatus } from '../../core/contract.ts';
import { asSentence } from '../api.ts';
import { formatNumber, formatWhen } from '../format.ts';
import { keys, useChange, useEngine, useJobCall, useJobs } from '../queries.ts';
import { texts } from '../texts.ts';
import { JobCard } from './JobCard.tsx';
import { isActive, latestOf } from './job-facts.ts';
import { Note } from './Note.tsx';
import { useSession } from './session-context.ts';

const t = texts.engine;

export function EnginePanel() {
  const session = useSession();
  const { data: truth } = useEngine(session);
  return (
    <Stack gap={12} component="section" aria-labelledby="engine-title">
      <Title order={2} id="engine-title">
        {t.title}
      </Title>
      <Text fz="xs" c="dimmed">
        {t.intro}
      </Text>
      {!truth && (
        <Text fz="xs" role="status">
          {t.asking}
        </Text>
      )}
      {truth && (
        <>
          <Choice truth={truth} />
          {truth.fallbackReason && <Note tone="warn">{asSentence(truth.fallbackReason)}</Note>}
          <Speed truth={truth} />
          <Facts truth={truth} />
        </>
      )}
    </Stack>
  );
}

/** Every provider with its state; those that cannot be used say why and cannot be chosen. */
function Choice({ truth }: { readonly truth: EngineTruth }) {
  const session = useSession();
  const { data: jobs = [] } = useJobs(session);
  const choose = useChange(session, (provider: string) => session.workstation.client.engine.choose({ provider }), [
    keys.engine,
    keys.status,
  ]);
  const busy = choose.isPending || jobs.some(isActive);
  const wanted = choose.isPending ? choose.variables : truth.wanted;
  return (
    <Radio.Group label={t.choose} description={busy ? t.busy : t.kept} value={wanted} onChange={choose.mutate}>
      <Stack gap={8} mt={8}>
        {offered(truth).map((provider) => (
          <ProviderRadio key={provider.name} provider={provider} inUse={truth.provider} busy={busy} />
        ))}
      </Stack>
    </Radio.Group>
  );
}

/** What can be chosen first; «auto» is no provider but a wish. */
function offered({ providers }: EngineTruth): ProviderStatus[] {
  const auto = { name: 'auto', available: true, reason: t.auto };
  return [...providers.filter((one) => one.available), auto, ...providers.filter((one) => !one.available)];
}

interface ProviderRadioProps {
  readonly provider: ProviderStatus;
  readonly inUse: string;
  readonly busy: boolean;
}

function ProviderRadio({ provider: { name, available, reason }, inUse, busy }: ProviderRadioProps) {
  const known = (t.providers as Readonly<Record<string, string>>)[name] ?? name;
  const state = name === inUse ? t.inUse : reason === null ? t.works : asSentence(reason);
  return <Radio value={name} label={known} description={state} disabled={busy || !available} />;
}

function Facts({ truth }: { readonly truth: EngineTruth }) {
  const rows: readonly (readonly [string, string])[] = [
    [t.device, truth.device ?? t.notTold],
    [t.driver, truth.driver ?? (truth.provider === 'cpu' ? t.noDriver : t.notTold)],
    [t.threads, formatNumber(truth.threads)],
    [t.memory, t.megabytes(formatNumber(truth.peakMemoryMb))],
    [t.runtime, `onnxruntime ${truth.runtimeVersion}`],
  ];
  return (
    <Stack gap={8}>
      <Title order={3}>{t.facts}</Title>
      <Rows name={t.facts} rows={rows} />
    </Stack>
  );
}

function Speed({ truth }: { readonly truth: EngineTruth }) {
  const session = useSession();
  const { data: jobs = [] } = useJobs(session);
  const start = useJobCall(session, () => session.workstation.client.engine.measure());
  const job = latestOf(jobs, 'measure');
  const measuring = job !== null && isActive(job);
  return (
    <Stack gap={8}>
      <Title order={3}>{t.speed}</Title>
      {truth.measured ? <Measured measured={truth.measured} /> : <Text fz="xs">{t.notMeasured}</Text>}
      {job && job.state !== 'done' && <JobCard job={job} />}
      {!measuring && (
        <Button
          leftSection={<IconGauge size={15} />}
          loading={start.isPending}
          disabled={jobs.some(isActive)}
          onClick={() => start.mutate(undefined)}
        >
          {truth.measured ? t.again : t.measure}
        </Button>
      )}
      <Text fz="xs" c="dimmed">
        {t.measureHint}
      </Text>
    </Stack>
  );
}

function Measured({ measured }: { readonly measured: EngineMeasurement }) {
  const { tilePx, tilesPerSecond, trainingBatch, stepsPerSecond, fellBack } = measured;
  const rows: readonly (readonly [string, string])[] = [
    [t.predicting, t.tiles(formatNumber(tilesPerSecond))],
    [t.learning, t.steps(formatNumber(stepsPerSecond))],
    ...(fellBack
      ? [
          [t.predictHere, t.percent(1 - fellBack.predict)] as const,
          [t.trainHere, t.percent(1 - fellBack.train)] as const,
        ]
      : []),
  ];
  return (
    <Stack gap={8}>
      <Rows name={t.speed} rows={rows} />
      {fellBack && fellBack.operators.length > 0 && (
        <Note tone="warn">{t.fellBack(fellBack.operators.join(', '))}</Note>
      )}
      <Text fz="xs" c="dimmed">
        {t.measuredWith(measured.modelName, formatWhen(measured.at))} {t.sizes(tilePx, trainingBatch)}
      </Text>
    </Stack>
  );
}

function Rows({ name, rows }: { readonly name: string; readonly rows: readonly (readonly [string, string])[] }) {
  return (
    <Table aria-label={name} fz="xs" verticalSpacing={4} horizontalSpacing={0} withRowBorders={false}>
      <Table.Tbody>
        {rows.map(([label, value]) => (
          <Table.Tr key={label}>
            <Table.Th scope="row" fw={400} c="dimmed" w="42%" style={{ verticalAlign: 'top' }}>
              {label}
            </Table.Th>
            <Table.Td className="tabular">{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
