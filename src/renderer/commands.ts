/**
 * Everything a key can do, as one table: the cheat sheet is printed from it, and the keyboard runs it.
 * Keys follow QuPath where it has one (V move, B brush, F fill, H hide, digits for classes).
 */
import type { ProjectInfo, SlideDetails } from '../core/contract.ts';
import { keys as queryKeys } from './queries.ts';
import type { Session } from './session.ts';
import { resizeBrush, TOOLS, type ToolName } from './state.ts';
import { texts } from './texts.ts';
import { shownLayers } from './viewer/shown-layers.ts';

export type CommandGroup = 'tools' | 'mask' | 'view' | 'edit';

export interface Command {
  readonly id: string;
  readonly group: CommandGroup;
  readonly text: string;
  /** As `keyName` writes them; the first is shown. */
  readonly keys: readonly string[];
  run(session: Session): void;
}

export const TOOL_KEYS: { readonly [T in ToolName]: string } = {
  pan: 'V',
  brush: 'B',
  eraser: 'E',
  lasso: 'L',
  accept: 'A',
};

const OPACITY_STEP = 0.1;
const ZOOM_STEP = 1.5;
const PAN_STEP_PX = 120;

const t = texts.commands;

function command(group: CommandGroup, id: string, text: string, keys: readonly string[], run: Command['run']): Command {
  return { id, group, text, keys, run };
}

function fade({ view }: Session, step: number): void {
  view.setState(({ opacity }) => ({ opacity: Math.min(1, Math.max(0, Math.round((opacity + step) * 20) / 20)) }));
}

export function chooseClass({ view, queries }: Session, position: number): void {
  const classes = queries.getQueryData<ProjectInfo>(queryKeys.project)?.classes ?? [];
  const chosen = classes[position];
  if (chosen === undefined) return;
  const { tool } = view.getState();
  view.setState({ classId: chosen.id, tool: tool === 'brush' || tool === 'lasso' ? tool : 'brush' });
}

/** Accepts the prediction on screen wherever the present view shows it and no person has spoken. */
export function acceptView({ view, queries, edits }: Session): void {
  const { slideId, viewport } = view.getState();
  const details = queries.getQueryData<SlideDetails>(queryKeys.slide(slideId));
  if (!details || !viewport) return;
  const { prediction } = shownLayers(view.getState(), details.predictions);
  if (prediction === null) return;
  const { widthPx, heightPx } = details.info;
  const x0 = Math.max(0, viewport.x);
  const y0 = Math.max(0, viewport.y);
  const x1 = Math.min(widthPx, viewport.x + viewport.width);
  const y1 = Math.min(heightPx, viewport.y + viewport.height);
  if (x0 >= x1 || y0 >= y1) return;
  edits.push({
    kind: 'edit',
    slideId: details.slideId,
    requestId: crypto.randomUUID(),
    operation: { kind: 'accept', points: [x0, y0, x1, y0, x1, y1, x0, y1], predictionLayerId: prediction.layerId },
    predictionLayerId: prediction.layerId,
    tool: 'accept view',
  });
}

function pan(dx: number, dy: number): Command['run'] {
  return (session) => session.stage()?.viewer.panByPixels(dx * PAN_STEP_PX, dy * PAN_STEP_PX);
}

export const COMMANDS: readonly Command[] = [
  ...TOOLS.map((tool) =>
    command('tools', `tool.${tool}`, texts.tools[tool].name, [TOOL_KEYS[tool]], ({ view }) => view.setState({ tool })),
  ),
  command('tools', 'brush.larger', t.larger, [']'], ({ view }) => view.setState((state) => resizeBrush(state, 1))),
  command('tools', 'brush.smaller', t.smaller, ['['], ({ view }) => view.setState((state) => resizeBrush(state, -1))),
  ...Array.from({ length: 9 }, (_, i) =>
    command('tools', `class.${i + 1}`, t.chooseClass, [String(i + 1)], (session) => chooseClass(session, i)),
  ),
  command('mask', 'mask.fill', t.fill, ['F'], ({ view }) => view.setState(({ fill }) => ({ fill: !fill }))),
  command('mask', 'mask.hide', t.hide, ['H'], ({ view }) =>
    view.setState((state) => ({ maskHidden: !state.maskHidden })),
  ),
  command('mask', 'mask.before', t.before, ['X'], ({ view }) =>
    view.setState(({ showingBefore }) => ({ showingBefore: !showingBefore })),
  ),
  command('mask', 'mask.origin', t.origin, ['O'], ({ view }) =>
    view.setState(({ showOrigin }) => ({ showOrigin: !showOrigin })),
  ),
  command('mask', 'mask.moreOpacity', t.moreOpacity, ['.'], (session) => fade(session, OPACITY_STEP)),
  command('mask', 'mask.lessOpacity', t.lessOpacity, [','], (session) => fade(session, -OPACITY_STEP)),
  command('mask', 'mask.acceptView', t.acceptView, ['Shift+A'], acceptView),
  command('edit', 'edit.undo', t.undo, ['Ctrl+Z'], (session) => session.undo()),
  command('edit', 'edit.redo', t.redo, ['Ctrl+Shift+Z', 'Ctrl+Y'], (session) => session.redo()),
  command('edit', 'edit.cancel', t.cancel, ['Escape'], (session) => session.stage()?.cancelGesture()),
  command('edit', 'help', t.help, ['?'], ({ view }) =>
    view.setState(({ cheatSheetOpen }) => ({ cheatSheetOpen: !cheatSheetOpen })),
  ),
  command('view', 'view.zoomIn', t.zoomIn, ['+', '='], (session) => session.stage()?.viewer.zoomBy(ZOOM_STEP)),
  command('view', 'view.zoomOut', t.zoomOut, ['-'], (session) => session.stage()?.viewer.zoomBy(1 / ZOOM_STEP)),
  command('view', 'view.fit', t.fit, ['0', 'Home'], (session) => session.stage()?.viewer.fit()),
  command('view', 'view.mask', t.goToMask, ['G'], (session) => session.stage()?.showMask()),
  command('view', 'view.fullSize', t.fullSize, ['Z'], (session) => session.stage()?.viewer.zoomTo(1)),
  command('view', 'view.rotate', t.rotate, ['R'], (session) => session.stage()?.viewer.rotateBy(90)),
  command('view', 'view.rotateBack', t.rotateBack, ['Shift+R'], (session) => session.stage()?.viewer.rotateBy(-90)),
  command('view', 'view.flip', t.flip, ['M'], (session) => session.stage()?.viewer.flip()),
  command('view', 'view.minimap', t.minimap, ['N'], ({ view }) =>
    view.setState(({ minimap }) => ({ minimap: !minimap })),
  ),
  command('view', 'view.left', t.left, ['ArrowLeft'], pan(-1, 0)),
  command('view', 'view.right', t.right, ['ArrowRight'], pan(1, 0)),
  command('view', 'view.up', t.up, ['ArrowUp'], pan(0, -1)),
  command('view', 'view.down', t.down, ['ArrowDown'], pan(0, 1)),
];

export function commandById(id: string): Command {
  const found = COMMANDS.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`bug: no command ${id}`);
  return found;
}
