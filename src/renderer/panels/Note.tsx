/** A short remark with a tone: good news, a warning, or trouble. */
import { Group, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';

export function Note({ tone, children }: { readonly tone: 'good' | 'warn' | 'bad'; readonly children: ReactNode }) {
  const Icon = tone === 'good' ? IconCircleCheck : IconAlertTriangle;
  return (
    <Group
      gap={8}
      wrap="nowrap"
      align="flex-start"
      className={`note tone-${tone}`}
      role={tone === 'bad' ? 'alert' : 'note'}
    >
      <Icon size={16} aria-hidden className="note-icon" />
      <Text fz="xs" component="div">
        {children}
      </Text>
    </Group>
  );
}
