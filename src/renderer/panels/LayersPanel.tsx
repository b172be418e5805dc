/** How the mask is shown: which prediction lies under the corrections, before or after, fill, opacity, origin. */
import { Button, Group, SegmentedControl, Select, Slider, Stack, Switch, Text, Title } from '@mantine/core';
import { IconChecks } from '@tabler/icons-react';
import type { PredictionLayer } from '../../core/contract.ts';
import { acceptView } from '../commands.ts';
import { formatWhen } from '../format.ts';
import type { CompareWith, ViewState } from '../state.ts';
import { texts } from '../texts.ts';
import { ORIGIN_COLORS } from '../viewer/palette.ts';
import { useSession, useViewState } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.layers;

export function LayersPanel() {
  const session = useSession();
  const predictions = useOpenSlide()?.predictions ?? [];
  return (
    <Stack gap={10} component="section" aria-labelledby="layers-title">
      <Title order={2} id="layers-title">
        {t.title}
      </Title>
      <PredictionPicker predictions={predictions} />
      <BeforeAfter predictions={predictions} />
      <Look />
      <Button
        variant="default"
        leftSection={<IconChecks size={15} />}
        disabled={predictions.length === 0}
        onClick={() => acceptView(session)}
      >
        {t.acceptView}
      </Button>
    </Stack>
  );
}

type Predictions = { readonly predictions: readonly PredictionLayer[] };

const nameOf = (layer: PredictionLayer) => `${layer.modelName} · ${formatWhen(layer.createdAt)}`;

function PredictionPicker({ predictions }: Predictions) {
  const { view } = useSession();
  const prediction = useViewState((state) => state.prediction);
  const options = [
    { value: 'newest', label: predictions[0] ? `${t.newest}: ${predictions[0].modelName}` : t.newest },
    ...predictions.map((layer) => ({ value: String(layer.layerId), label: nameOf(layer) })),
    { value: 'none', label: t.none },
  ];
  const choose = (value: string | null) =>
    value !== null && view.setState({ prediction: value === 'newest' || value === 'none' ? value : Number(value) });
  return (
    <Select
      label={t.prediction}
      {...(predictions.length === 0 ? { description: t.noPredictions } : {})}
      data={options}
      value={String(prediction)}
      onChange={choose}
    />
  );
}

function BeforeAfter({ predictions }: Predictions) {
  const { view } = useSession();
  const before = useViewState((state) => state.showingBefore);
  const compareWith = useViewState((state) => state.compareWith);
  const options = [
    { value: 'uncorrected', label: t.uncorrected },
    ...predictions.map((layer) => ({ value: String(layer.layerId), label: nameOf(layer) })),
  ];
  const compare = (value: string | null) => {
    const next: CompareWith = value === null || value === 'uncorrected' ? 'uncorrected' : Number(value);
    view.setState({ compareWith: next });
  };
  return (
    <Stack gap={8}>
      <SegmentedControl
        fullWidth
        aria-label={t.view}
        data={[
          { value: 'before', label: t.before },
          { value: 'after', label: t.after },
        ]}
        value={before ? 'before' : 'after'}
        onChange={(value) => view.setState({ showingBefore: value === 'before' })}
      />
      <Select label={t.compareWith} data={options} value={String(compareWith)} onChange={compare} />
    </Stack>
  );
}

function Look() {
  const { view } = useSession();
  const look = useViewState((state) => state.fill);
  const opacity = useViewState((state) => state.opacity);
  const toggle = (key: 'maskHidden' | 'showOrigin') => (checked: boolean) =>
    view.setState({ [key]: checked } as Pick<ViewState, typeof key>);
  const hidden = useViewState((state) => state.maskHidden);
  const origin = useViewState((state) => state.showOrigin);
  return (
    <>
      <Group grow gap={12} align="center">
        <SegmentedControl
          aria-label={t.style}
          data={[
            { value: 'fill', label: t.fill },
            { value: 'outline', label: t.outline },
          ]}
          value={look ? 'fill' : 'outline'}
          onChange={(value) => view.setState({ fill: value === 'fill' })}
        />
        <div>
          <Group justify="space-between">
            <Text fz="xs">{t.opacity}</Text>
            <Text fz="xs" c="dimmed" className="tabular">
              {Math.round(opacity * 100)} %
            </Text>
          </Group>
          <Slider
            min={0}
            max={1}
            step={0.05}
            value={opacity}
            label={null}
            thumbLabel={t.opacity}
            onChange={(value) => view.setState({ opacity: value })}
          />
        </div>
      </Group>
      <Group grow gap={12}>
        <Switch
          label={t.hide}
          checked={hidden}
          onChange={(event) => toggle('maskHidden')(event.currentTarget.checked)}
        />
        <Switch
          label={t.origin}
          checked={origin}
          onChange={(event) => toggle('showOrigin')(event.currentTarget.checked)}
        />
      </Group>
      {origin && <OriginLegend />}
    </>
  );
}

function OriginLegend() {
  const rows = [
    [ORIGIN_COLORS.model, t.originModel],
    [ORIGIN_COLORS.human, t.originHuman],
    [ORIGIN_COLORS.accepted, t.originAccepted],
  ] as const;
  return (
    <Group gap={14}>
      {rows.map(([color, name]) => (
        <Group gap={6} key={name}>
          <span className="swatch" style={{ background: color }} aria-hidden />
          <Text fz="xs">{name}</Text>
        </Group>
      ))}
    </Group>
  );
}
