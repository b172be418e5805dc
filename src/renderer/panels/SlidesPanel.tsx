/** The project's slides: open one, add one, and what is known of the one that is open. */
import { Button, Group, Stack, Text, TextInput, Title, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import type { SlideSummary } from '../../core/contract.ts';
import { asSentence } from '../api.ts';
import { keys, useChange, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { FolderBrowser } from './FolderBrowser.tsx';
import { ImportMask } from './ImportMask.tsx';
import { SlideFacts } from './SlideFacts.tsx';
import { useSession, useViewState } from './session-context.ts';

const t = texts.slides;

export function SlidesPanel() {
  const { data: project } = useProject(useSession());
  return (
    <Stack gap={14} component="section" aria-labelledby="slides-title">
      <Title order={2} id="slides-title">
        {t.title}
      </Title>
      <ul className="plain-list slide-list">
        {(project?.slides ?? []).map((slide) => (
          <SlideRow key={slide.slideId} slide={slide} />
        ))}
      </ul>
      <AddSlide />
      <SlideFacts />
      <ImportMask />
    </Stack>
  );
}

function SlideRow({ slide }: { readonly slide: SlideSummary }) {
  const { view } = useSession();
  const open = useViewState((state) => state.slideId === slide.slideId);
  return (
    <li>
      <UnstyledButton
        className="slide-row"
        data-open={open}
        aria-current={open}
        aria-label={t.open(slide.name)}
        disabled={slide.problem !== null}
        onClick={() => view.setState({ slideId: slide.slideId })}
      >
        <Text fz="sm" fw={open ? 600 : 400} truncate>
          {slide.name}
        </Text>
        {slide.problem && (
          <Text fz="xs" className="ink-bad">
            {asSentence(slide.problem)}
          </Text>
        )}
      </UnstyledButton>
    </li>
  );
}

function AddSlide() {
  const session = useSession();
  const [path, setPath] = useState('');
  const [browsing, setBrowsing] = useState(false);
  const add = useChange(session, (file: string) => session.workstation.client.slide.add({ path: file }), [
    keys.project,
  ]);
  const submit = (file: string) =>
    add.mutate(file, {
      onSuccess: (slide) => {
        setPath('');
        if (slide.problem === null) session.view.setState({ slideId: slide.slideId });
      },
    });
  return (
    <Stack gap={8}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (path.trim() !== '') submit(path.trim());
        }}
      >
        <Group gap={8} align="end" wrap="nowrap">
          <TextInput
            className="grow"
            label={t.add}
            placeholder={t.pathHint}
            value={path}
            onChange={(event) => setPath(event.currentTarget.value)}
          />
          <Button type="submit" flex="none" disabled={path.trim() === ''} loading={add.isPending}>
            {t.addStart}
          </Button>
          <Button flex="none" variant="default" aria-expanded={browsing} onClick={() => setBrowsing(!browsing)}>
            {t.browse}
          </Button>
        </Group>
      </form>
      {browsing && <FolderBrowser onChoose={setPath} />}
    </Stack>
  );
}
