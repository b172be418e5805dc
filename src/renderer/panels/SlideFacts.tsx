/** What is known of the open slide; its pixel size may be set where the file does not say it. */
import { Button, Group, NumberInput, Stack, Title } from '@mantine/core';
import { useState } from 'react';
import type { SlideDetails } from '../../core/contract.ts';
import type { PixelSize } from '../../core/slide.ts';
import { asSentence } from '../api.ts';
import { formatCount, formatNumber } from '../format.ts';
import { keys, useChange } from '../queries.ts';
import { texts } from '../texts.ts';
import { Note } from './Note.tsx';
import { useSession } from './session-context.ts';
import { useOpenSlide } from './use-slide.ts';

const t = texts.slides;

export function SlideFacts() {
  const slide = useOpenSlide();
  if (slide === null) return null;
  const { info } = slide;
  const facts: readonly (readonly [string, string])[] = [
    [t.size, `${formatCount(info.widthPx)} × ${formatCount(info.heightPx)} px`],
    [t.format, [info.vendor, info.format].filter(Boolean).join(' · ')],
    [t.pixelSize, pixelSizeText(info.pixelSize)],
    [
      t.magnification,
      info.magnification === null ? t.unknown : texts.viewer.magnification(formatNumber(info.magnification)),
    ],
  ];
  const doubts = [info.pixelSize.warning, ...info.warnings].filter((warning) => warning !== null);
  return (
    <Stack gap={8} component="section" aria-label={t.facts}>
      <Title order={3}>{t.facts}</Title>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {doubts.map((warning) => (
        <Note key={warning} tone="warn">
          {asSentence(warning)}
        </Note>
      ))}
      {(info.pixelSize.source !== 'file' || info.pixelSize.warning !== null) && <SetPixelSize slide={slide} />}
    </Stack>
  );
}

function pixelSizeText({ xUm, source }: PixelSize): string {
  if (xUm === null) return t.unknown;
  return `${formatNumber(xUm)} µm, ${source === 'user' ? t.fromUser : t.fromFile}`;
}

function SetPixelSize({ slide }: { readonly slide: SlideDetails }) {
  const session = useSession();
  const [value, setValue] = useState<number | string>(slide.info.pixelSize.xUm ?? '');
  const set = useChange(
    session,
    (pixelSizeUm: number) => session.workstation.client.slide.setPixelSize({ slideId: slide.slideId, pixelSizeUm }),
    [keys.slide(slide.slideId)],
  );
  const valid = typeof value === 'number' && value >= 0.01 && value <= 100;
  return (
    <Group gap={8} align="end" grow>
      <NumberInput
        label={t.setPixelSize}
        value={value}
        onChange={setValue}
        min={0.01}
        max={100}
        step={0.05}
        decimalScale={4}
      />
      <Button variant="default" disabled={!valid} loading={set.isPending} onClick={() => valid && set.mutate(value)}>
        {t.set}
      </Button>
    </Group>
  );
}
