/** What every task is given: the parts of the workstation that it joins. */
import type { LabelClass } from '../../core/label.ts';
import { BACKGROUND } from '../../core/label.ts';
import type { ModelCard } from '../../core/learn/model-card.ts';
import type { Engine } from '../engine/engine.ts';
import type { Events } from '../events.ts';
import type { ModelLibrary } from '../model-library.ts';
import type { SlideShelf } from '../slide-shelf.ts';
import type { Store } from '../store/store-methods.ts';

export interface Parts {
  readonly store: Store;
  readonly engine: Engine;
  readonly shelf: SlideShelf;
  readonly library: ModelLibrary;
  readonly events: Events;
}

/** Okabe–Ito colours, told apart by most colour-blind people; background grey is not among them. */
const NEW_CLASS_COLORS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'];

const sameName = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase();

/** The project's class id of each model class, by name; a name the project does not have becomes a new class. */
export async function classIdsFor(parts: Parts, card: ModelCard): Promise<number[]> {
  let classes: readonly LabelClass[] = (await parts.store.project()).classes;
  const ids: number[] = [];
  for (const [index, name] of card.classes.entries()) {
    const known = classes.find((entry) => sameName(entry.name, name));
    if (known) ids.push(known.id);
    else if (index === 0) ids.push(BACKGROUND);
    else {
      const color = NEW_CLASS_COLORS[classes.length % NEW_CLASS_COLORS.length]!;
      classes = (await parts.store.saveClass({ id: null, name, color })).classes;
      ids.push(classes.find((entry) => sameName(entry.name, name))!.id);
      parts.events.emit({ kind: 'project.changed' });
    }
  }
  return ids;
}
