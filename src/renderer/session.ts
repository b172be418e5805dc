/**
 * One window's connection to a workstation, without React: view state, server data, edits on their way, events, the stage.
 * Commands and panels act through it.
 */
import type { QueryClient } from '@tanstack/react-query';
import type { EditResult, SlideDetails, WorkstationEvent } from '../core/contract.ts';
import { sentenceOf, type Workstation } from './api.ts';
import { createEditQueue, type EditQueue, type PendingRequest } from './edits.ts';
import { listen } from './events.ts';
import { createNotices, type Notices } from './notices.ts';
import { createQueryClient, keys, renewAll, takeEvent } from './queries.ts';
import { createViewStore, type ViewState, type ViewStore } from './state.ts';
import { texts } from './texts.ts';
import { Stage } from './viewer/stage.ts';

export interface Session {
  readonly workstation: Workstation;
  readonly view: ViewStore;
  readonly queries: QueryClient;
  readonly notices: Notices;
  readonly edits: EditQueue;
  /** The mounted stage, or null. */
  stage(): Stage | null;
  /** Mounts the stage in an element; returns what unmounts it. */
  mount(container: HTMLElement): () => void;
  undo(): void;
  redo(): void;
  /** Starts listening to the workstation; returns what stops it. */
  start(): () => void;
}

export function createSession(workstation: Workstation, initial: Partial<ViewState> = {}): Session {
  const view = createViewStore(initial);
  const queries = createQueryClient();
  const notices = createNotices();
  let stage: Stage | null = null;

  const edits = createEditQueue({
    send: (request) => send(workstation, request),
    onAcknowledged(request, result) {
      stage?.acknowledge(request, result);
      takeResult(queries, request.slideId, result);
      view.setState({ saving: { ...view.getState().saving, savedAt: Date.now() } });
    },
    onRefused(request, error) {
      stage?.refuse(request);
      notices.error(error, texts.errors.notSaved);
    },
    onWaiting(pending, error) {
      const trouble = error === null ? null : sentenceOf(error, texts.errors.unreachable);
      view.setState({ saving: { ...view.getState().saving, pending, trouble } });
    },
  });

  function step(kind: 'undo' | 'redo') {
    const { slideId } = view.getState();
    if (slideId === null || stage?.cancelGesture()) return;
    const details = queries.getQueryData<SlideDetails>(keys.slide(slideId));
    const possible = kind === 'undo' ? details?.history.canUndo : details?.history.canRedo;
    if (possible || edits.waiting().length > 0) edits.push({ kind, slideId, requestId: crypto.randomUUID() });
  }

  function onEvent(event: WorkstationEvent) {
    takeEvent(queries, event);
    if (event.kind !== 'mask.changed') return;
    stage?.maskChanged(event);
    if (!knowsLayer(queries, event)) void queries.invalidateQueries({ queryKey: keys.slide(event.slideId) });
  }

  return {
    workstation,
    view,
    queries,
    notices,
    edits,
    stage: () => stage,
    mount(container) {
      const mounted = new Stage(container, {
        workstation,
        view,
        submit: (input) => edits.push({ kind: 'edit', ...input }),
        waiting: () => edits.waiting(),
        onError: (error) => notices.error(error),
      });
      stage = mounted;
      return () => {
        mounted.dispose();
        if (stage === mounted) stage = null;
      };
    },
    undo: () => step('undo'),
    redo: () => step('redo'),
    start() {
      const stopListening = listen(workstation.client, {
        onEvent,
        onConnected: connectionWatcher(view, queries, () => stage),
      });
      const warn = (event: BeforeUnloadEvent) => {
        if (edits.waiting().length > 0) event.preventDefault();
      };
      window.addEventListener('beforeunload', warn);
      return () => {
        stopListening();
        window.removeEventListener('beforeunload', warn);
      };
    },
  };
}

/** After a break, everything that may have changed unseen is asked again. */
function connectionWatcher(view: ViewStore, queries: QueryClient, stage: () => Stage | null) {
  let broken = false;
  return (connected: boolean) => {
    view.setState({ connected });
    if (connected && broken) {
      renewAll(queries);
      stage()?.refresh();
    }
    broken = !connected;
  };
}

function send({ client }: Workstation, request: PendingRequest): Promise<EditResult> {
  if (request.kind === 'edit') {
    const { kind: _, ...input } = request;
    return client.mask.edit(input);
  }
  const { slideId, requestId } = request;
  return request.kind === 'undo' ? client.mask.undo({ slideId, requestId }) : client.mask.redo({ slideId, requestId });
}

function takeResult(queries: QueryClient, slideId: string, { history }: EditResult): void {
  queries.setQueryData<SlideDetails>(keys.slide(slideId), (old) => old && { ...old, history });
  void queries.invalidateQueries({ queryKey: keys.history(slideId) });
}

function knowsLayer(queries: QueryClient, event: Extract<WorkstationEvent, { kind: 'mask.changed' }>): boolean {
  const details = queries.getQueryData<SlideDetails>(keys.slide(event.slideId));
  if (details === undefined) return true;
  return details.humanLayerId === event.layerId || details.predictions.some((layer) => layer.layerId === event.layerId);
}
