/** Looks into the folders that were opened for this workstation, to choose a file. */
import { Button, Group, Paper, ScrollArea, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconChevronUp, IconFile, IconFolder } from '@tabler/icons-react';
import { useState } from 'react';
import { sentenceOf } from '../api.ts';
import { useFolder } from '../queries.ts';
import { texts } from '../texts.ts';
import { useSession } from './session-context.ts';

const t = texts.slides;

export function FolderBrowser({ onChoose }: { readonly onChoose: (path: string) => void }) {
  const [folder, setFolder] = useState<string | null>(null);
  const { data: listing, error } = useFolder(useSession(), folder);
  return (
    <Paper p={8} className="card">
      <Stack gap={6}>
        <Group gap={6} wrap="nowrap">
          <Button
            variant="default"
            size="compact-xs"
            leftSection={<IconChevronUp size={14} />}
            disabled={folder === null}
            onClick={() => setFolder(listing?.parent ?? null)}
          >
            {t.up}
          </Button>
          <Text fz="xs" c="dimmed" truncate dir="rtl" ta="left">
            {listing?.folder ?? t.folders}
          </Text>
        </Group>
        {error && (
          <Text fz="xs" className="ink-bad">
            {sentenceOf(error, texts.errors.unreachable)}
          </Text>
        )}
        <ScrollArea.Autosize
          mah={200}
          type="auto"
          viewportProps={{ tabIndex: 0, 'aria-label': t.browse, role: 'group' }}
        >
          <ul className="plain-list">
            {(listing?.entries ?? []).map((entry) => (
              <li key={entry.path}>
                <UnstyledButton
                  className="file-row"
                  onClick={() => (entry.kind === 'folder' ? setFolder(entry.path) : onChoose(entry.path))}
                >
                  {entry.kind === 'folder' ? <IconFolder size={15} aria-hidden /> : <IconFile size={15} aria-hidden />}
                  <Text fz="xs" truncate>
                    {entry.name}
                  </Text>
                </UnstyledButton>
              </li>
            ))}
          </ul>
        </ScrollArea.Autosize>
      </Stack>
    </Paper>
  );
}
