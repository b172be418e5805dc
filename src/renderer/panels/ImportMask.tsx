/** Lays a mask from a file over the corrections of the open slide, as one edit that can be undone. */
import { Button, Group, TextInput } from '@mantine/core';
import { useState } from 'react';
import { keys, useChange } from '../queries.ts';
import { texts } from '../texts.ts';
import { useSession } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.slides;

export function ImportMask() {
  const session = useSession();
  const slideId = useOpenSlide()?.slideId ?? null;
  const [path, setPath] = useState('');
  const load = useChange(
    session,
    (input: { slideId: string; path: string }) =>
      session.workstation.client.mask.importFile({ ...input, requestId: crypto.randomUUID(), classes: null }),
    [keys.slide(slideId), keys.history(slideId)],
  );
  if (slideId === null) return null;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (path.trim() !== '') load.mutate({ slideId, path: path.trim() }, { onSuccess: () => setPath('') });
      }}
    >
      <Group gap={8} align="end" wrap="nowrap">
        <TextInput
          className="grow"
          label={t.importTitle}
          placeholder={t.importHint}
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
        />
        <Button type="submit" flex="none" variant="default" disabled={path.trim() === ''} loading={load.isPending}>
          {t.importStart}
        </Button>
      </Group>
    </form>
  );
}
