/** What the window has to tell a person in passing. Kept as data outside React; `App` shows them. */
import { sentenceOf } from './api.ts';
import { texts } from './texts.ts';

export interface Notice {
  readonly kind: 'error' | 'done';
  readonly title: string;
  readonly message: string;
}

export interface Notices {
  tell(notice: Notice): void;
  /** One sentence about what went wrong; the same sentence is not repeated within a few seconds. */
  error(error: unknown, title?: string): void;
  /** Who shows notices from now on; those told before are shown at once. */
  show(listener: (notice: Notice) => void): void;
}

const QUIET_MS = 5000;

export function createNotices(): Notices {
  const early: Notice[] = [];
  let listener: ((notice: Notice) => void) | null = null;
  let last = { message: '', at: 0 };

  function tell(notice: Notice) {
    if (listener === null) early.push(notice);
    else listener(notice);
  }

  return {
    tell,
    error(error, title = texts.errors.title) {
      const message = sentenceOf(error, texts.errors.unreachable);
      const now = performance.now();
      if (message === last.message && now - last.at < QUIET_MS) return;
      last = { message, at: now };
      tell({ kind: 'error', title, message });
    },
    show(next) {
      listener = next;
      for (const notice of early.splice(0)) next(notice);
    },
  };
}
