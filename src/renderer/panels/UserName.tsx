/** Who signs corrections, and a way to change it. */
import { ActionIcon, Group, Popover, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconCheck, IconUser } from '@tabler/icons-react';
import { useState } from 'react';
import { keys, useChange, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { useSession } from './session-context.ts';

const t = texts.header;

export function UserName() {
  const session = useSession();
  const { data: project } = useProject(session);
  const [opened, setOpened] = useState(false);
  const [name, setName] = useState('');
  const update = useChange(session, (user: string) => session.workstation.client.project.update({ user }), [
    keys.project,
  ]);
  const user = project?.user ?? '';
  const open = () => {
    setName(user);
    setOpened(true);
  };
  const save = () => {
    const trimmed = name.trim();
    if (trimmed !== '' && trimmed !== user) update.mutate(trimmed);
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus shadow="md">
      <Popover.Target>
        <UnstyledButton className="chip" onClick={open} aria-label={t.editUser(user)}>
          <Group gap={6} wrap="nowrap">
            <IconUser size={16} aria-hidden />
            <Text fz="xs" truncate maw={120}>
              {user}
            </Text>
          </Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={t.user}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save();
          }}
        >
          <Group gap={6} align="end">
            <TextInput
              label={t.user}
              value={name}
              maxLength={200}
              onChange={(event) => setName(event.currentTarget.value)}
              data-autofocus
            />
            <ActionIcon type="submit" size={30} variant="filled" color="accent" aria-label={t.saveName}>
              <IconCheck size={16} />
            </ActionIcon>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
