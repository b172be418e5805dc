/** Where a user's network comes in: its path, and what is wrong with it where it cannot be used; the rest is the dialog's. */
import { Button, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { ModelExamination } from '../../core/contract.ts';
import { sentenceOf } from '../api.ts';
import { useExamine } from '../queries.ts';
import { texts } from '../texts.ts';
import { FolderBrowser } from './FolderBrowser.tsx';
import { ImportDialog } from './ImportDialog.tsx';
import { Note } from './Note.tsx';
import { useSession } from './session-context.ts';

const t = texts.importModel;

export function ImportModel() {
  const [path, setPath] = useState('');
  const [browsing, setBrowsing] = useState(false);
  const [examined, setExamined] = useState<ModelExamination | null>(null);
  const examine = useExamine(useSession());
  const look = (file: string) => {
    setBrowsing(false);
    setPath(file);
    examine.mutate({ path: file, choices: null }, { onSuccess: setExamined });
  };
  const close = (imported: boolean) => {
    setExamined(null);
    if (imported) setPath('');
  };
  return (
    <Stack gap={8}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (path.trim() !== '') look(path.trim());
        }}
      >
        <TextInput
          label={t.title}
          placeholder={t.pathHint}
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
        />
        <Group gap={8} mt={6}>
          <Button type="submit" disabled={path.trim() === ''} loading={examine.isPending}>
            {t.look}
          </Button>
          <Button variant="default" aria-expanded={browsing} onClick={() => setBrowsing(!browsing)}>
            {t.browse}
          </Button>
        </Group>
      </form>
      {browsing && <FolderBrowser onChoose={look} />}
      {examine.error && <Note tone="bad">{sentenceOf(examine.error, texts.errors.unreachable)}</Note>}
      {examined && <ImportDialog first={examined} onClose={close} />}
    </Stack>
  );
}
