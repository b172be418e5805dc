/** The slide in the middle: mounts the stage once, gives it the open slide, and lays readouts and buttons over it. */
import { Alert, Loader, Stack, Text } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { sentenceOf } from '../api.ts';
import { useProject, useSlide } from '../queries.ts';
import { texts } from '../texts.ts';
import { Readouts } from './Readouts.tsx';
import { useSession, useViewState } from './session-context.ts';
import { ViewButtons } from './ViewButtons.tsx';

const t = texts.viewer;

export function ViewerArea() {
  const session = useSession();
  const container = useRef<HTMLElement | null>(null);
  const slideId = useViewState((state) => state.slideId);
  const { data: project } = useProject(session);
  const { data: slide, error } = useSlide(session, slideId);

  useEffect(() => (container.current ? session.mount(container.current) : undefined), [session]);
  useEffect(() => {
    if (slide && project) session.stage()?.show(slide, project.classes);
  }, [session, slide, project]);

  return (
    <div className="viewer-area">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the slide is moved and zoomed by keys, so it takes the focus */}
      <section ref={container} className="stage" tabIndex={0} aria-label={t.region} data-testid="stage" />
      {slide && <Readouts slide={slide} />}
      {slide && <ViewButtons />}
      {!slide && <Waiting slideId={slideId} error={error} />}
    </div>
  );
}

function Waiting({ slideId, error }: { readonly slideId: string | null; readonly error: Error | null }) {
  if (error) {
    return (
      <div className="stage-message">
        <Alert color="red" title={texts.errors.slide}>
          {sentenceOf(error, texts.errors.unreachable)}
        </Alert>
      </div>
    );
  }
  return (
    <Stack className="stage-message" align="center" gap={8}>
      {slideId === null ? (
        <>
          <Text>{t.empty}</Text>
          <Text c="dimmed" fz="sm">
            {t.emptyHint}
          </Text>
        </>
      ) : (
        <>
          <Loader size="sm" />
          <Text c="dimmed" fz="sm">
            {t.loading}
          </Text>
        </>
      )}
    </Stack>
  );
}
