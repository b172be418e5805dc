/** Runs a model over the view or the whole slide. */
import { Button, SegmentedControl, Select, Stack, Switch, Text, Title } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { intersectRect, isEmptyRect, type Rect } from '../../core/geometry.ts';
import { formatLength } from '../format.ts';
import { useJobCall, useJobs, useModels, useProject } from '../queries.ts';
import { texts } from '../texts.ts';
import { JobCard } from './JobCard.tsx';
import { isActive, latestOf } from './job-facts.ts';
import { Note } from './Note.tsx';
import { useSession, useViewState } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.predict;
type Where = 'view' | 'whole';

export function PredictPanel() {
  const session = useSession();
  const slide = useOpenSlide();
  const { data: jobs } = useJobs(session);
  const [modelId, setModelId] = useState<string | null>(null);
  const [where, setWhere] = useState<Where>('view');
  const [eightBit, setEightBit] = useState(false);
  const region = useViewRegion();
  const start = useJobCall(session, (area: Rect | null) =>
    session.workstation.client.predict.start({ slideId: slide?.slideId ?? '', region: area, modelId, eightBit }),
  );
  const job = latestOf(jobs, 'predict');
  const possible = slide !== null && (where === 'whole' || region !== null);
  return (
    <Stack gap={12} component="section" aria-labelledby="predict-title">
      <Title order={2} id="predict-title">
        {t.title}
      </Title>
      <ModelPicker modelId={modelId} onChange={setModelId} />
      <div>
        <Text fz="xs" fw={500} mb={4}>
          {t.where}
        </Text>
        <SegmentedControl
          fullWidth
          aria-label={t.where}
          data={[
            { value: 'view', label: t.view },
            { value: 'whole', label: t.whole },
          ]}
          value={where}
          onChange={(value) => setWhere(value as Where)}
        />
        <Text fz="xs" c="dimmed" mt={4} className="tabular">
          {where === 'whole' ? t.wholeHint : <ViewSize region={region} />}
        </Text>
      </div>
      <Switch
        label={t.eightBit}
        description={t.eightBitHint}
        checked={eightBit}
        onChange={(event) => setEightBit(event.currentTarget.checked)}
      />
      {slide?.info.pixelSize.xUm === null && <Note tone="warn">{t.unknownSize}</Note>}
      <Button
        leftSection={<IconPlayerPlay size={15} />}
        disabled={!possible}
        loading={start.isPending}
        onClick={() => start.mutate(where === 'whole' ? null : region)}
      >
        {t.start}
      </Button>
      {job && (
        <JobCard job={job}>
          {!isActive(job) && job.result?.kind === 'predict' && (
            <Text fz="xs">{t.result(job.result.tiles, job.result.skippedAsGlass)}</Text>
          )}
        </JobCard>
      )}
    </Stack>
  );
}

/** The visible part of the slide in whole level-0 pixels, null where nothing of it is visible. */
function useViewRegion(): Rect | null {
  const slide = useOpenSlide();
  const viewport = useViewState((state) => state.viewport);
  if (slide === null || viewport === null) return null;
  const { widthPx, heightPx } = slide.info;
  const seen = intersectRect(viewport, { x: 0, y: 0, width: widthPx, height: heightPx });
  if (isEmptyRect(seen)) return null;
  const x = Math.floor(seen.x);
  const y = Math.floor(seen.y);
  return { x, y, width: Math.ceil(seen.x + seen.width) - x, height: Math.ceil(seen.y + seen.height) - y };
}

function ViewSize({ region }: { readonly region: Rect | null }) {
  const pixelSize = useOpenSlide()?.info.pixelSize.xUm ?? null;
  if (region === null) return null;
  return t.viewSize(`${formatLength(region.width, pixelSize)} × ${formatLength(region.height, pixelSize)}`);
}

interface PickerProps {
  readonly modelId: string | null;
  readonly onChange: (modelId: string | null) => void;
}

function ModelPicker({ modelId, onChange }: PickerProps) {
  const session = useSession();
  const { data: project } = useProject(session);
  const { data: models = [] } = useModels(session);
  const usable = models.filter(({ state }) => state !== 'refused' && state !== 'candidate');
  const options = usable.map((model) => ({
    value: model.modelId,
    label: model.modelId === project?.liveModelId ? t.liveModel(model.name) : model.name,
  }));
  const live = project?.liveModelId ?? null;
  return (
    <Select
      label={t.model}
      data={options}
      value={modelId ?? live}
      onChange={(value) => onChange(value === live ? null : value)}
      disabled={options.length === 0}
    />
  );
}
