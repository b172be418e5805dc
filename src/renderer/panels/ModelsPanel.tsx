/** Every model version, where it came from, how it did, and which one is live. */
import { Badge, Button, Group, Paper, ScrollArea, Stack, Text, Title } from '@mantine/core';
import type { ModelVersion } from '../../core/contract.ts';
import { formatDice, formatNumber, formatWhen } from '../format.ts';
import { keys, useChange, useModels, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { ImportModel } from './ImportModel.tsx';
import { useSession } from './session-context.ts';

const t = texts.models;

export function ModelsPanel() {
  const { data: models = [] } = useModels(useSession());
  return (
    <Stack gap={12} h="100%" component="section" aria-labelledby="models-title">
      <Title order={2} id="models-title">
        {t.title}
      </Title>
      <ScrollArea
        className="fill"
        type="auto"
        viewportProps={{ tabIndex: 0, 'aria-labelledby': 'models-title', role: 'group' }}
      >
        <Stack gap={8} component="ul" className="plain-list">
          {models.map((model) => (
            <ModelRow
              key={model.modelId}
              model={model}
              parent={models.find(({ modelId }) => modelId === model.parentId)}
            />
          ))}
        </Stack>
      </ScrollArea>
      <ImportModel />
    </Stack>
  );
}

interface RowProps {
  readonly model: ModelVersion;
  readonly parent: ModelVersion | undefined;
}

function ModelRow({ model, parent }: RowProps) {
  const session = useSession();
  const { data: project } = useProject(session);
  const activate = useChange(session, () => session.workstation.client.model.activate({ modelId: model.modelId }), [
    keys.models,
    keys.project,
  ]);
  const live = model.modelId === project?.liveModelId;
  const { training } = model;
  const facts = [
    formatWhen(model.createdAt),
    model.pixelSizeUm === null ? t.unknownSize : t.size(formatNumber(model.pixelSizeUm)),
    parent && t.from(parent.name),
  ].filter(Boolean);
  return (
    <Paper p="sm" className="card" component="li" data-model={model.modelId}>
      <Group justify="space-between" wrap="nowrap" gap={8}>
        <Text fz="sm" fw={600} truncate title={model.sha256}>
          {model.name}
        </Text>
        <Badge className={live ? 'tone-good' : 'tone-calm'}>{live ? t.live : texts.modelStates[model.state]}</Badge>
      </Group>
      <Text fz="xs" c="dimmed">
        {facts.join(' · ')}
      </Text>
      {training && (
        <Text fz="xs" className="tabular">
          {t.dice(formatDice(training.diceBefore), formatDice(training.diceAfter))}
        </Text>
      )}
      {!live && (
        <Button
          variant="default"
          size="compact-xs"
          mt={6}
          loading={activate.isPending}
          onClick={() => activate.mutate(undefined)}
          aria-label={`${t.activate}: ${model.name}`}
        >
          {t.activate}
        </Button>
      )}
    </Paper>
  );
}
