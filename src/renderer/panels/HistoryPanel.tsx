/** Every edit on the slide: who, when, with what, how much; and the way back and forth. */
import { Badge, Button, Group, ScrollArea, Stack, Text, Title } from '@mantine/core';
import { IconArrowBackUp, IconArrowForwardUp } from '@tabler/icons-react';
import type { HistoryEntry } from '../../core/contract.ts';
import { formatCount, formatWhen } from '../format.ts';
import { useHistory } from '../queries.ts';
import { texts } from '../texts.ts';
import { useSession, useViewState } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.history;

export function HistoryPanel() {
  const session = useSession();
  const slideId = useViewState((state) => state.slideId);
  const waiting = useViewState((state) => state.saving.pending > 0);
  const history = useOpenSlide()?.history;
  const { data: entries = [] } = useHistory(session, slideId);
  return (
    <Stack gap={10} h="100%" component="section" aria-labelledby="history-title">
      <Title order={2} id="history-title">
        {t.title}
      </Title>
      <Group grow gap={8}>
        <Button
          variant="default"
          leftSection={<IconArrowBackUp size={15} />}
          disabled={!history?.canUndo && !waiting}
          onClick={() => session.undo()}
        >
          {t.undo}
        </Button>
        <Button
          variant="default"
          leftSection={<IconArrowForwardUp size={15} />}
          disabled={!history?.canRedo}
          onClick={() => session.redo()}
        >
          {t.redo}
        </Button>
      </Group>
      {entries.length === 0 ? (
        <Text fz="sm" c="dimmed">
          {t.empty}
        </Text>
      ) : (
        <ScrollArea
          className="fill"
          type="auto"
          viewportProps={{ tabIndex: 0, 'aria-labelledby': 'history-title', role: 'group' }}
        >
          <ol className="history-list">
            {entries.map((entry) => (
              <HistoryRow key={entry.editId} entry={entry} />
            ))}
          </ol>
        </ScrollArea>
      )}
    </Stack>
  );
}

function HistoryRow({ entry }: { readonly entry: HistoryEntry }) {
  const { editId, tool, at, user, changedPixels, target, undone } = entry;
  const note = target === null ? null : tool === 'redo' ? t.bringsBack(target) : t.takesBack(target);
  return (
    <li className="history-row" data-undone={undone}>
      <Text fz="xs" c="dimmed" className="tabular history-number">
        {editId}
      </Text>
      <div className="history-what">
        <Group gap={6}>
          <Text fz="sm" fw={500} td={undone ? 'line-through' : 'none'}>
            {tool}
          </Text>
          {undone && <Badge className="tone-calm">{t.undone}</Badge>}
        </Group>
        <Text fz="xs" c="dimmed">
          {user} · {formatWhen(at)}
          {note && ` · ${note}`}
        </Text>
      </div>
      <Text fz="xs" className="tabular">
        {t.pixels(formatCount(changedPixels))}
      </Text>
    </li>
  );
}
