/** The line at the top: project, slide, live model, what computes, whether all is saved, who signs. */
import { Badge, Group, Select, Text, Tooltip, UnstyledButton } from '@mantine/core';
import { IconBrain, IconCpu, IconKeyboard, IconMicroscope } from '@tabler/icons-react';
import { useModels, useProject, useStatus } from '../queries.ts';
import { texts } from '../texts.ts';
import { IconButton } from './IconButton.tsx';
import { JobChip } from './JobChip.tsx';
import { SavingBadge } from './SavingBadge.tsx';
import { useSession, useViewState } from './session-context.ts';
import { UserName } from './UserName.tsx';

const t = texts.header;

export function Header() {
  const { view } = useSession();
  const session = useSession();
  const { data: project } = useProject(session);
  return (
    <Group h="100%" px={12} gap={14} wrap="nowrap" className="header">
      <Group gap={8} wrap="nowrap" className="brand">
        <IconMicroscope size={20} color="var(--mantine-color-accent-3)" aria-hidden />
        <Text component="h1" fw={600} fz="sm" truncate title={project?.path}>
          {project?.name ?? texts.appName}
        </Text>
        {project?.readOnly && <Badge color="yellow">{t.readOnly}</Badge>}
      </Group>
      <SlidePicker />
      <ModelChip />
      <ProviderChip />
      <div className="spacer" />
      <JobChip />
      <SavingBadge />
      <UserName />
      <IconButton name={t.help} shortcut="?" tipSide="bottom" onClick={() => view.setState({ cheatSheetOpen: true })}>
        <IconKeyboard size={18} />
      </IconButton>
    </Group>
  );
}

function SlidePicker() {
  const session = useSession();
  const { data: project } = useProject(session);
  const slideId = useViewState((state) => state.slideId);
  const slides = project?.slides ?? [];
  return (
    <Select
      aria-label={t.slide}
      placeholder={t.noSlide}
      data={slides.map((slide) => ({ value: slide.slideId, label: slide.name, disabled: slide.problem !== null }))}
      value={slideId}
      onChange={(next) => next && session.view.setState({ slideId: next })}
      w={230}
      disabled={slides.length === 0}
    />
  );
}

function ModelChip() {
  const session = useSession();
  const { data: project } = useProject(session);
  const { data: models } = useModels(session);
  const live = models?.find((model) => model.modelId === project?.liveModelId);
  return (
    <Tooltip label={t.model} position="bottom">
      <Group
        gap={6}
        wrap="nowrap"
        className="chip"
        tabIndex={0}
        role="note"
        aria-label={`${t.model}: ${live?.name ?? t.noModel}`}
      >
        <IconBrain size={16} aria-hidden />
        <Text fz="xs" truncate maw={190} data-testid="live-model">
          {live?.name ?? t.noModel}
        </Text>
      </Group>
    </Tooltip>
  );
}

/** A click opens the page that tells more. */
function ProviderChip() {
  const session = useSession();
  const { data: status } = useStatus(session);
  if (!status) return null;
  const others = status.providers
    .filter(({ name }) => name !== status.provider)
    .map(({ name, available, reason }) => (available ? t.available(name) : t.unavailable(name, reason ?? '')));
  const lines = [t.provider(status.provider.toUpperCase()), status.fallbackReason, ...others].filter(Boolean);
  return (
    <Tooltip label={lines.map((line) => <div key={line}>{line}</div>)} position="bottom">
      <UnstyledButton
        className="chip"
        aria-label={`${lines.join('. ')}. ${t.openEngine}`}
        onClick={() => session.view.setState({ panel: 'engine' })}
      >
        <Group gap={6} wrap="nowrap">
          <IconCpu size={16} aria-hidden />
          <Text fz="xs" tt="uppercase">
            {status.provider}
          </Text>
          {status.fallbackReason && <span className="dot-warn" aria-hidden />}
        </Group>
      </UnstyledButton>
    </Tooltip>
  );
}
