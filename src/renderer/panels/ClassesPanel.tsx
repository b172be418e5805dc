/** The classes: which one to paint with, which to show, and new ones. */
import { ActionIcon, Button, Group, Kbd, Stack, Text, Title, Tooltip, UnstyledButton } from '@mantine/core';
import { IconEye, IconEyeOff, IconPencil, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { LabelClass } from '../../core/label.ts';
import { chooseClass } from '../commands.ts';
import { useProject } from '../queries.ts';
import { toggleClass } from '../state.ts';
import { texts } from '../texts.ts';
import { ClassEditor } from './ClassEditor.tsx';
import { useSession, useViewState } from './session-context.ts';

const t = texts.classes;
const DIGITS = 9;

export function ClassesPanel() {
  const { data: project } = useProject(useSession());
  const [editing, setEditing] = useState<LabelClass | 'new' | null>(null);
  const classes = project?.classes ?? [];
  return (
    <Stack gap={8} component="section" aria-labelledby="classes-title">
      <Group justify="space-between">
        <Title order={2} id="classes-title">
          {t.title}
        </Title>
        <Button
          variant="subtle"
          size="compact-xs"
          leftSection={<IconPlus size={14} />}
          onClick={() => setEditing('new')}
        >
          {t.add}
        </Button>
      </Group>
      <ul className="class-list">
        {classes.map((labelClass, i) => (
          <ClassRow key={labelClass.id} labelClass={labelClass} position={i} onEdit={() => setEditing(labelClass)} />
        ))}
      </ul>
      {editing !== null && (
        <ClassEditor
          key={editing === 'new' ? 'new' : editing.id}
          labelClass={editing === 'new' ? null : editing}
          onClose={() => setEditing(null)}
        />
      )}
    </Stack>
  );
}

interface RowProps {
  readonly labelClass: LabelClass;
  readonly position: number;
  readonly onEdit: () => void;
}

function ClassRow({ labelClass, position, onEdit }: RowProps) {
  const session = useSession();
  const chosen = useViewState((state) => state.classId === labelClass.id);
  const hidden = useViewState((state) => state.hiddenClasses.has(labelClass.id));
  const { name, color, id } = labelClass;
  const visibility = hidden ? t.show(name) : t.hide(name);
  return (
    <li className="class-row" data-chosen={chosen}>
      <UnstyledButton
        className="class-choose"
        aria-pressed={chosen}
        title={t.choose(name)}
        onClick={() => chooseClass(session, position)}
      >
        <span className="swatch" style={{ background: color }} aria-hidden />
        <Text fz="sm" truncate component="span" fw={chosen ? 600 : 400}>
          {name}
        </Text>
        {position < DIGITS && <Kbd size="xs">{position + 1}</Kbd>}
      </UnstyledButton>
      <Tooltip label={t.edit(name)}>
        <ActionIcon aria-label={t.edit(name)} onClick={onEdit}>
          <IconPencil size={15} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={visibility}>
        <ActionIcon aria-label={visibility} onClick={() => session.view.setState((state) => toggleClass(state, id))}>
          {hidden ? <IconEyeOff size={16} /> : <IconEye size={16} />}
        </ActionIcon>
      </Tooltip>
    </li>
  );
}
