/** Reads the equation of an Einsum: which axes of which operand go by one name. Knows no graph. */
import { HistoloopError } from '../errors.ts';

export interface Equation {
  /** Names of each operand's axes; those of an ellipsis are numbers, counted from the last. */
  readonly terms: readonly (readonly string[])[];
  /** Names of the result's axes. */
  readonly result: readonly string[];
}

/** Errors: `model-unusable` for what is no equation, and for diagonals (`ii->i`). */
export function readEquation(equation: string, ranks: readonly number[]): Equation {
  const [left, right, ...rest] = equation.replaceAll(' ', '').split('->');
  const operands = left.split(',');
  if (rest.length > 0 || operands.length !== ranks.length) {
    throw refuse(`the equation '${equation}' does not speak of ${ranks.length} tensors`);
  }
  const terms = operands.map((operand, i) => termOf(operand, ranks[i]));
  const hidden = terms.map((labels) => labels.filter(isNumber)).reduce((a, b) => (b.length > a.length ? b : a));
  const result = right === undefined ? implied(terms, hidden) : resultOf(right, hidden);
  const known = new Set(terms.flat());
  const stranger = result.find((label) => !known.has(label));
  if (stranger !== undefined) throw refuse(`the equation '${equation}' makes an axis ${stranger} out of nothing`);
  return { terms, result };
}

function termOf(operand: string, rank: number): string[] {
  const count = rank - operand.replace('...', '').length;
  const hidden = Array.from({ length: Math.max(0, count) }, (_, i) => String(count - 1 - i));
  const labels = spread(operand, hidden);
  if (labels.length !== rank || count < 0)
    throw refuse(`'${operand}' does not name the axes of a tensor of rank ${rank}`);
  return once(labels, operand);
}

function resultOf(right: string, hidden: readonly string[]): string[] {
  return once(spread(right, hidden), right);
}

/** Without an arrow: every axis named once, in the order of the alphabet, after those of the ellipsis. */
function implied(terms: readonly (readonly string[])[], hidden: readonly string[]): string[] {
  const all = terms.flat().filter((label) => !isNumber(label));
  return [...hidden, ...all.filter((label) => all.indexOf(label) === all.lastIndexOf(label)).sort()];
}

function spread(term: string, hidden: readonly string[]): string[] {
  const [before, after, ...more] = term.split('...');
  if (!/^[a-zA-Z]*$/.test(before + (after ?? '')) || more.length > 0) throw refuse(`'${term}' does not name axes`);
  return after === undefined ? [...before] : [...before, ...hidden, ...after];
}

function once(labels: readonly string[], term: string): string[] {
  if (new Set(labels).size === labels.length) return [...labels];
  throw refuse(`'${term}' names an axis twice, a diagonal, which cannot be trained through; export without it`);
}

function isNumber(label: string): boolean {
  return /^\d+$/.test(label);
}

function refuse(message: string): HistoloopError {
  return new HistoloopError('model-unusable', message);
}
