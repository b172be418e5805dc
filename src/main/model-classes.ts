/** Which class of the project each output of a model means: found by name once, when the version comes in, and kept with it. */
import { BACKGROUND, type LabelClass } from '../core/label.ts';
import type { Store } from './store/store-methods.ts';

/** Okabe–Ito colours, told apart by most colour-blind people; background grey is not among them. */
const NEW_CLASS_COLORS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'];

/** Colours for classes that a project may not have yet, as they would get them. */
export function colorsFor(known: readonly LabelClass[], names: readonly string[]): string[] {
  let added = known.length;
  return names.map((name) => {
    const color = known.find((entry) => sameName(entry.name, name))?.color;
    return color ?? NEW_CLASS_COLORS[added++ % NEW_CLASS_COLORS.length]!;
  });
}

const sameName = (a: string, b: string) => a.trim().toLowerCase() === b.trim().toLowerCase();

/**
 * The project's class id of each model class, by name; a name the project does not have becomes a new class.
 * Errors: `bad-input` where the project has no room for another class.
 */
export async function classIdsByName(store: Store, names: readonly string[]): Promise<number[]> {
  let classes: readonly LabelClass[] = (await store.project()).classes;
  const ids: number[] = [];
  for (const [index, name] of names.entries()) {
    const known = classes.find((entry) => sameName(entry.name, name));
    if (known) ids.push(known.id);
    else if (index === 0) ids.push(BACKGROUND);
    else {
      const color = NEW_CLASS_COLORS[classes.length % NEW_CLASS_COLORS.length]!;
      classes = (await store.saveClass({ id: null, name, color })).classes;
      ids.push(classes.find((entry) => sameName(entry.name, name))!.id);
    }
  }
  return ids;
}

/** The ids kept with a version, or null where the version is older than they are. */
export function keptClassIds(card: unknown, count: number): readonly number[] | null {
  const ids = (card as { classIds?: unknown } | null)?.classIds;
  if (!Array.isArray(ids) || ids.length !== count) return null;
  return ids.every((id) => Number.isInteger(id) && id > 0 && id <= 127) ? ids : null;
}
