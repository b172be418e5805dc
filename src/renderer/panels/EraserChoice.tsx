/** What the eraser leaves behind. */
import { SegmentedControl, Stack, Text } from '@mantine/core';
import type { EraserMeaning } from '../state.ts';
import { texts } from '../texts.ts';
import { useSession, useViewState } from './session-context.ts';

const t = texts.brush;

export function EraserChoice() {
  const { view } = useSession();
  const meaning = useViewState((state) => state.eraserMeaning);
  return (
    <Stack gap={4} component="section" aria-label={t.eraserMeaning}>
      <Text fz="xs" fw={500}>
        {t.eraserMeaning}
      </Text>
      <SegmentedControl
        aria-label={t.eraserMeaning}
        data={[
          { value: 'background', label: t.background },
          { value: 'model', label: t.model },
        ]}
        value={meaning}
        onChange={(value) => view.setState({ eraserMeaning: value as EraserMeaning })}
      />
      <Text fz="xs" c="dimmed">
        {meaning === 'background' ? t.backgroundHint : t.modelHint}
      </Text>
    </Stack>
  );
}
