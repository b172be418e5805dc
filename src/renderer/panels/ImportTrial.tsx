/** A piece of the open slide, and what the network makes of it: wrong input values show here at once. */
import { Button, Group, Loader, Stack, Text } from '@mantine/core';
import { IconTarget } from '@tabler/icons-react';
import { useState } from 'react';
import type { ModelChoices, ModelTrial } from '../../core/contract.ts';
import { asSentence, sentenceOf } from '../api.ts';
import { useTrial } from '../queries.ts';
import { texts } from '../texts.ts';
import { Note } from './Note.tsx';
import { useSession, useViewState } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.importModel;

interface Props {
  readonly path: string;
  readonly choices: ModelChoices;
  /** False while the network is being looked at again: a trial would be of the old choices. */
  readonly ready: boolean;
}

export function ImportTrial({ path, choices, ready }: Props) {
  const place = usePlace();
  const trial = useTrial(useSession(), ready && place.at ? { path, choices, ...place.at } : null);
  if (place.at === null) return <Note tone="warn">{t.noSlide}</Note>;
  const busy = trial.isFetching || !ready;
  return (
    <Stack gap={10} component="section" aria-label={t.trial} aria-busy={busy}>
      <Group justify="space-between">
        <Text fz="sm" fw={600}>
          {t.trial}
        </Text>
        <Group gap={8}>
          {busy && <Loader size={14} aria-label={t.trying} />}
          <Button variant="default" size="compact-xs" leftSection={<IconTarget size={14} />} onClick={place.next}>
            {t.anotherPlace}
          </Button>
        </Group>
      </Group>
      {trial.error && <Note tone="bad">{sentenceOf(trial.error, texts.errors.unreachable)}</Note>}
      <Pictures trial={trial.error ? undefined : trial.data} busy={busy} />
      {trial.data && !trial.error && <Legend trial={trial.data} names={choices.classes} />}
      {trial.data?.doubt && !trial.error && <Note tone="warn">{asSentence(trial.data.doubt)}</Note>}
      <Text fz="xs" c="dimmed">
        {t.trialHint}
      </Text>
    </Stack>
  );
}

function Pictures({ trial, busy }: { readonly trial: ModelTrial | undefined; readonly busy: boolean }) {
  if (trial === undefined) return <div className="trial-picture trial-empty">{busy ? t.trying : ''}</div>;
  return (
    <div className="trial-pictures" data-busy={busy}>
      <img className="trial-picture" src={trial.picture} alt={t.tissueAlt} />
      <img className="trial-picture" src={trial.prediction} alt={t.predictionAlt} />
    </div>
  );
}

function Legend({ trial, names }: { readonly trial: ModelTrial; readonly names: readonly string[] }) {
  return (
    <ul className="plain-list trial-legend">
      {trial.classes.map(({ name, color, share }, at) => (
        <li key={name}>
          <span className="trial-swatch" style={at === 0 ? undefined : { background: color }} />
          <Text fz="xs" component="span">
            {names[at] ?? name}
          </Text>
          <Text fz="xs" component="span" c="dimmed" className="tabular">
            {t.share(share)}
          </Text>
        </li>
      ))}
    </ul>
  );
}

/** Middle of the view first, then eight places around it. */
const PLACES = [
  [0.5, 0.5],
  [0.3, 0.3],
  [0.7, 0.3],
  [0.3, 0.7],
  [0.7, 0.7],
  [0.5, 0.2],
  [0.8, 0.5],
  [0.5, 0.8],
  [0.2, 0.5],
] as const;

function usePlace() {
  const slide = useOpenSlide();
  const viewport = useViewState((state) => state.viewport);
  const [turn, setTurn] = useState(0);
  const next = () => setTurn((turn + 1) % PLACES.length);
  if (slide === null) return { at: null, next };
  const { widthPx, heightPx } = slide.info;
  const seen = viewport ?? { x: 0, y: 0, width: widthPx, height: heightPx };
  const [right, down] = PLACES[turn]!;
  const within = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)));
  const x = within(seen.x + seen.width * right, widthPx);
  const y = within(seen.y + seen.height * down, heightPx);
  return { at: { slideId: slide.slideId, x, y }, next };
}
