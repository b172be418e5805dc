/** The tools on the left, and how large the brush is. */
import { Divider, Slider, Stack, Text } from '@mantine/core';
import {
  IconBrush,
  IconChecks,
  IconEraser,
  IconHandMove,
  IconLasso,
  IconMinus,
  IconPin,
  IconPinFilled,
  IconPlus,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { TOOL_KEYS } from '../commands.ts';
import { formatLength } from '../format.ts';
import { brushDiameterPx, fixBrush, resizeBrush, TOOLS, type ToolName } from '../state.ts';
import { texts } from '../texts.ts';
import { IconButton } from './IconButton.tsx';
import { useSession, useViewState } from './session-context.ts';
import { usePixelSize } from './use-slide.ts';

const ICONS: { readonly [T in ToolName]: ReactNode } = {
  pan: <IconHandMove size={20} />,
  brush: <IconBrush size={20} />,
  eraser: <IconEraser size={20} />,
  lasso: <IconLasso size={20} />,
  accept: <IconChecks size={20} />,
};

export function ToolRail() {
  const { view } = useSession();
  const tool = useViewState((state) => state.tool);
  return (
    <Stack
      gap={4}
      align="center"
      py={8}
      h="100%"
      role="toolbar"
      aria-label={texts.commands.groups.tools}
      aria-orientation="vertical"
    >
      {TOOLS.map((name) => (
        <IconButton
          key={name}
          size={40}
          name={texts.tools[name].name}
          hint={texts.tools[name].hint}
          shortcut={TOOL_KEYS[name]}
          pressed={tool === name}
          tipSide="right"
          onClick={() => view.setState({ tool: name })}
        >
          {ICONS[name]}
        </IconButton>
      ))}
      <Divider w={36} my={6} />
      <BrushSize />
    </Stack>
  );
}

/** The slider is logarithmic: each step is the same factor. */
const toSlider = (px: number) => Math.log2(px);
const fromSlider = (value: number) => 2 ** value;
const MAX_SLIDER = 12;

function BrushSize() {
  const { view } = useSession();
  const screenPx = useViewState((state) => state.brushScreenPx);
  const slidePx = useViewState((state) => state.brushSlidePx);
  const zoom = useViewState((state) => state.viewport?.zoom ?? 1);
  const pixelSize = usePixelSize();
  const fixed = slidePx !== null;
  const size = formatLength(brushDiameterPx(view.getState(), zoom), pixelSize);
  const change = (value: number) =>
    view.setState(fixed ? { brushSlidePx: fromSlider(value) } : { brushScreenPx: fromSlider(value) });
  return (
    <>
      <IconButton
        name={texts.brush.larger}
        shortcut="]"
        tipSide="right"
        onClick={() => view.setState((state) => resizeBrush(state, 1))}
      >
        <IconPlus size={16} />
      </IconButton>
      <Slider
        orientation="vertical"
        h={110}
        min={0}
        max={MAX_SLIDER}
        step={0.1}
        value={toSlider(slidePx ?? screenPx)}
        onChange={change}
        label={size}
        thumbLabel={texts.brush.size}
        thumbProps={{ 'aria-valuetext': size }}
      />
      <IconButton
        name={texts.brush.smaller}
        shortcut="["
        tipSide="right"
        onClick={() => view.setState((state) => resizeBrush(state, -1))}
      >
        <IconMinus size={16} />
      </IconButton>
      <Text fz={11} ta="center" c="dark.1" className="tabular" aria-live="off" data-testid="brush-size">
        {size}
      </Text>
      <IconButton
        name={texts.brush.fixed}
        hint={texts.brush.fixedHint}
        pressed={fixed}
        tipSide="right"
        onClick={() => view.setState((state) => fixBrush(state, !fixed))}
      >
        {fixed ? <IconPinFilled size={16} /> : <IconPin size={16} />}
      </IconButton>
    </>
  );
}
