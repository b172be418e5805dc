/** The panels on the right: names in a rail, the chosen one beside it. */
import { ScrollArea, Stack, Tabs } from '@mantine/core';
import {
  IconBrain,
  IconFileExport,
  IconGauge,
  IconHistory,
  IconPencil,
  IconPhoto,
  IconSparkles,
  IconWand,
} from '@tabler/icons-react';
import type { ComponentType, ReactNode } from 'react';
import { PANELS, type PanelName } from '../state.ts';
import { texts } from '../texts.ts';
import { ClassesPanel } from './ClassesPanel.tsx';
import { EnginePanel } from './EnginePanel.tsx';
import { EraserChoice } from './EraserChoice.tsx';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { ExportPanel } from './ExportPanel.tsx';
import { HistoryPanel } from './HistoryPanel.tsx';
import { LayersPanel } from './LayersPanel.tsx';
import { ModelsPanel } from './ModelsPanel.tsx';
import { PredictPanel } from './PredictPanel.tsx';
import { SlidesPanel } from './SlidesPanel.tsx';
import { useSession, useViewState } from './session-context.ts';
import { TrainPanel } from './TrainPanel.tsx';

function CorrectPanel() {
  return (
    <Stack gap={18}>
      <ClassesPanel />
      <LayersPanel />
      <EraserChoice />
    </Stack>
  );
}

const CONTENT: { readonly [P in PanelName]: { readonly icon: ReactNode; readonly Content: ComponentType } } = {
  correct: { icon: <IconPencil size={18} />, Content: CorrectPanel },
  history: { icon: <IconHistory size={18} />, Content: HistoryPanel },
  predict: { icon: <IconWand size={18} />, Content: PredictPanel },
  train: { icon: <IconSparkles size={18} />, Content: TrainPanel },
  models: { icon: <IconBrain size={18} />, Content: ModelsPanel },
  export: { icon: <IconFileExport size={18} />, Content: ExportPanel },
  slides: { icon: <IconPhoto size={18} />, Content: SlidesPanel },
  engine: { icon: <IconGauge size={18} />, Content: EnginePanel },
};

export function SidePanels() {
  const { view } = useSession();
  const panel = useViewState((state) => state.panel);
  return (
    <Tabs
      className="side-panels"
      orientation="vertical"
      placement="right"
      keepMounted={false}
      value={panel}
      onChange={(next) => next && view.setState({ panel: next as PanelName })}
    >
      <Tabs.List className="panel-rail" aria-label={texts.panelNames}>
        {PANELS.map((name) => (
          <Tabs.Tab key={name} value={name} className="panel-tab">
            {CONTENT[name].icon}
            <span>{texts.panels[name]}</span>
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {PANELS.map((name) => (
        <Tabs.Panel key={name} value={name} className="panel">
          <PanelBody name={name} />
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

/** These scroll inside themselves. */
const OWN_SCROLL: ReadonlySet<PanelName> = new Set(['history', 'models']);

function PanelBody({ name }: { readonly name: PanelName }) {
  const { Content } = CONTENT[name];
  const body = (
    <ErrorBoundary>
      <Content />
    </ErrorBoundary>
  );
  if (OWN_SCROLL.has(name)) return <div className="panel-body">{body}</div>;
  return (
    <ScrollArea h="100%" type="auto" scrollbars="y">
      <div className="panel-body">{body}</div>
    </ScrollArea>
  );
}
