/** From key events to commands. Keys typed into a field, or while a dialog is open, stay there. */
import { COMMANDS, type Command } from './commands.ts';
import type { Session } from './session.ts';

const SPACE = ' ';
/** Keys that a focused control of its own uses. */
const CONTROL_KEYS = /^(Arrow|Home|End|Page|Enter$|Tab$)/;
const CONTROLS =
  'button, a, [role="tab"], [role="slider"], [role="radio"], [role="switch"], [role="option"], [role="checkbox"]';
const FIELDS = 'input, textarea, select, [contenteditable="true"], [role="combobox"], [role="dialog"]';

/** `Ctrl+Shift+Z`, `B`, `?`: letters in capitals, Shift only where the character does not say it. */
export function keyName(event: KeyboardEvent): string {
  const isLetter = /^[a-z]$/i.test(event.key);
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  if (event.shiftKey && (isLetter || event.key.length > 1)) parts.push('Shift');
  parts.push(isLetter ? event.key.toUpperCase() : event.key);
  return parts.join('+');
}

const BY_KEY: ReadonlyMap<string, Command> = new Map(
  COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])),
);

function belongsElsewhere(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest(FIELDS)) return !isToggle(target) || CONTROL_KEYS.test(event.key) || event.key === SPACE;
  return (CONTROL_KEYS.test(event.key) || event.key === SPACE) && Boolean(target?.closest(CONTROLS));
}

/** Check boxes, switches and radio buttons are inputs that take no text. */
function isToggle(target: Element): boolean {
  return (
    target instanceof HTMLInputElement &&
    /^(checkbox|radio|range)$/.test(target.type) &&
    !target.closest('[role="dialog"]')
  );
}

/** Listens on the window until the returned function is called. */
export function attachKeyboard(session: Session): () => void {
  const listeners = new AbortController();
  const { signal } = listeners;
  const holdPan = (held: boolean) => session.stage()?.holdPan(held);

  window.addEventListener(
    'keydown',
    (event) => {
      if (event.defaultPrevented || belongsElsewhere(event)) return;
      if (event.key === SPACE) {
        event.preventDefault();
        if (!event.repeat) holdPan(true);
        return;
      }
      const command = BY_KEY.get(keyName(event));
      if (command === undefined) return;
      event.preventDefault();
      command.run(session);
    },
    { signal },
  );
  window.addEventListener(
    'keyup',
    (event) => {
      if (event.key === SPACE) holdPan(false);
      if (event.key === 'Alt') event.preventDefault();
    },
    { signal },
  );
  window.addEventListener('blur', () => holdPan(false), { signal });
  return () => listeners.abort();
}
