/** What the view is: scale bar, magnification, where the pointer is and what lies under it. */
import { Text } from '@mantine/core';
import type { SlideDetails } from '../../core/contract.ts';
import { effectiveClass, originOf, type PixelOrigin } from '../../core/label.ts';
import { formatCount, formatLength, formatNumber, roundLength } from '../format.ts';
import { useProject } from '../queries.ts';
import type { PointerSpot } from '../state.ts';
import { texts } from '../texts.ts';
import { useSession, useViewState } from './session-context.ts';

const t = texts.viewer;
const LONGEST_BAR_PX = 160;
const ORIGINS: { readonly [O in PixelOrigin]: string } = {
  none: t.nothing,
  model: t.byModel,
  human: t.byHuman,
  accepted: t.accepted,
};

export function Readouts({ slide }: { readonly slide: SlideDetails }) {
  const pixelSize = slide.info.pixelSize.xUm;
  return (
    <>
      <div className="readout readout-scale">
        <ScaleBar pixelSize={pixelSize} />
        <Magnification objective={slide.info.magnification} />
      </div>
      <div className="readout readout-pointer">
        <PointerPosition pixelSize={pixelSize} />
      </div>
      <MaskState />
    </>
  );
}

function ScaleBar({ pixelSize }: { readonly pixelSize: number | null }) {
  const zoom = useViewState((state) => state.viewport?.zoom ?? null);
  if (zoom === null) return null;
  const length = roundLength(LONGEST_BAR_PX, zoom, pixelSize);
  return (
    <div className="scale-bar" data-testid="scale-bar">
      <Text fz="xs" fw={600} className="tabular">
        {formatLength(length, pixelSize)}
      </Text>
      <div className="scale-line" style={{ width: length * zoom }} />
    </div>
  );
}

/** The objective's magnification times the zoom where the file says it; else plain zoom. */
function Magnification({ objective }: { readonly objective: number | null }) {
  const zoom = useViewState((state) => state.viewport?.zoom ?? null);
  if (zoom === null) return null;
  const shown = objective === null ? `${formatNumber(zoom * 100)} %` : t.magnification(formatNumber(objective * zoom));
  return (
    <Text fz="xs" className="tabular" data-testid="magnification">
      {shown}
    </Text>
  );
}

function PointerPosition({ pixelSize }: { readonly pixelSize: number | null }) {
  const pointer = useViewState((state) => state.pointer);
  if (pointer === null) return null;
  const px = `${formatCount(Math.floor(pointer.x))}, ${formatCount(Math.floor(pointer.y))} px`;
  const um =
    pixelSize === null ? '' : ` · ${formatLength(pointer.x, pixelSize)}, ${formatLength(pointer.y, pixelSize)}`;
  return (
    <Text fz="xs" className="tabular" data-testid="pointer-position">
      {px}
      {um} · <Under spot={pointer} />
    </Text>
  );
}

/** The class a viewer sees there, and who said it. */
function Under({ spot: { human, predicted } }: { readonly spot: PointerSpot }) {
  const { data: project } = useProject(useSession());
  const shown = effectiveClass(human, predicted);
  const name = project?.classes.find(({ id }) => id === shown)?.name;
  return name === undefined ? t.nothing : `${name}, ${ORIGINS[originOf(human, predicted)]}`;
}

function MaskState() {
  const missing = useViewState((state) => state.maskTilesMissing);
  const hidden = useViewState((state) => state.maskHidden);
  const before = useViewState((state) => state.showingBefore);
  const unreadable = useViewState((state) => state.tilesUnreadable);
  const lines = [
    before && t.before,
    hidden && t.hidden,
    missing > 8 && t.missing(missing),
    unreadable > 0 && t.unreadable(unreadable),
  ].filter((line) => line !== false);
  if (lines.length === 0) return null;
  return (
    <div className="readout readout-mask" role="status">
      <Text fz="xs" className="tabular">
        {lines.join(' · ')}
      </Text>
    </div>
  );
}
