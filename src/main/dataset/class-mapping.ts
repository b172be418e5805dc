/** From the names or values of a file to the class ids of a project. Decides nothing by guessing. */
import { HistoloopError } from '../../core/errors.ts';
import type { LabelClass } from '../../core/label.ts';

/** Name or value in the file → class id; '' objects without a class; '*' everything else but 0; id 0 leaves out. */
export type ClassMapping = Readonly<Record<string, number>>;

/**
 * The class id for each name of a file, 0 for what is left out. Without a mapping a name is a project class's own, letter
 * case aside. Errors: `bad-input` that lists every name without a class, or the mapping's unknown class id.
 */
export function classIdsOfNames(
  names: ReadonlyMap<string, number>,
  classes: readonly LabelClass[],
  mapping: ClassMapping | null,
): ReadonlyMap<string, number> {
  if (mapping !== null) return mapped(names.keys(), classes, mapping);
  const ids = new Map<string, number>();
  const unknown: string[] = [];
  for (const [name, count] of names) {
    const found =
      classes.find((known) => known.name === name) ??
      classes.find((known) => known.name.toLowerCase() === name.toLowerCase());
    if (found !== undefined) ids.set(name, found.id);
    else unknown.push(`${name === '' ? 'no class' : `«${name.slice(0, 60)}»`} (${count} objects)`);
  }
  if (unknown.length > 0) {
    const known = classes.map(({ name }) => name).join(', ');
    const message = `the project has no class for: ${listed(unknown)}; say which of ${known} each one is, or add classes`;
    throw new HistoloopError('bad-input', message, { data: { unknown } });
  }
  return ids;
}

/** Likewise for label values; without a mapping a value is a class id, and 0 says nothing. */
export function classIdsOfValues(
  values: readonly number[],
  classes: readonly LabelClass[],
  mapping: ClassMapping | null,
): ReadonlyMap<number, number> {
  if (mapping !== null) {
    const ids = mapped(values.map(String), classes, mapping);
    return new Map(values.map((value) => [value, ids.get(String(value)) ?? 0]));
  }
  const unknown = values.filter((value) => value !== 0 && !classes.some(({ id }) => id === value));
  if (unknown.length > 0) {
    const known = classes.map(({ id, name }) => `${id} ${name}`).join(', ');
    const message = `the label image holds values without a class: ${listed(unknown)}; classes are ${known}: say which value is which`;
    throw new HistoloopError('bad-input', message, { data: { unknown } });
  }
  return new Map(values.map((value) => [value, value]));
}

function mapped(names: Iterable<string>, classes: readonly LabelClass[], mapping: ClassMapping): Map<string, number> {
  for (const [name, id] of Object.entries(mapping)) {
    if (id === 0 || classes.some((known) => known.id === id)) continue;
    throw new HistoloopError('bad-input', `«${name}» is mapped to class ${id}, which the project does not have`);
  }
  const otherwise = Object.hasOwn(mapping, '*') ? mapping['*']! : 0;
  const ids = new Map<string, number>();
  for (const name of names) {
    ids.set(name, Object.hasOwn(mapping, name) ? mapping[name]! : name === '0' ? 0 : otherwise);
  }
  return ids;
}

/** The first ten of a list, and how many more there are. */
export function listed(items: readonly unknown[]): string {
  const shown = items.slice(0, 10).join(', ');
  return items.length > 10 ? `${shown} and ${items.length - 10} more` : shown;
}
