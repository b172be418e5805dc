/** Says honestly whether everything drawn is on disk. */
import { Group, Text, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconLoader2, IconPlugConnectedX } from '@tabler/icons-react';
import { texts } from '../texts.ts';
import { useViewState } from './session-context.ts';

function describe(pending: number, trouble: string | null, connected: boolean, everSaved: boolean) {
  const t = texts.saving;
  if (trouble !== null)
    return {
      text: t.waiting(pending),
      hint: `${trouble} ${t.awayHint}`,
      tone: 'warn',
      icon: <IconAlertTriangle size={15} />,
    };
  if (!connected)
    return {
      text: pending > 0 ? t.waiting(pending) : t.away,
      hint: t.awayHint,
      tone: 'warn',
      icon: <IconPlugConnectedX size={15} />,
    };
  if (pending > 0)
    return {
      text: t.saving(pending),
      hint: t.savedHint,
      tone: 'busy',
      icon: <IconLoader2 size={15} className="turning" />,
    };
  return {
    text: everSaved ? t.saved : t.nothing,
    hint: t.savedHint,
    tone: everSaved ? 'good' : 'calm',
    icon: <IconCheck size={15} />,
  };
}

export function SavingBadge() {
  const { pending, trouble, savedAt } = useViewState((state) => state.saving);
  const connected = useViewState((state) => state.connected);
  const { text, hint, tone, icon } = describe(pending, trouble, connected, savedAt !== null);
  return (
    <Tooltip label={hint} position="bottom">
      <Group
        gap={6}
        wrap="nowrap"
        className={`saving saving-${tone}`}
        role="status"
        tabIndex={0}
        data-pending={pending}
      >
        {icon}
        <Text fz="xs" component="span" truncate>
          {text}
        </Text>
      </Group>
    </Tooltip>
  );
}
