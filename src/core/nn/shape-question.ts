/** What a shape rule is asked and how it refuses; shared by the files of rules. */
import { HistoloopError } from '../errors.ts';
import type { Attributes } from './graph.ts';
import type { Tensor, TensorType } from './session.ts';
import { numbersOf } from './tensor.ts';

export interface Shape {
  readonly type: TensorType;
  readonly dims: readonly number[];
}

/** What is known of a value before anything runs; `constant` where even its numbers are. */
export interface KnownValue extends Shape {
  readonly constant?: Tensor;
}

export interface ShapeQuestion {
  /** Undefined for an optional input left out. */
  readonly inputs: readonly (KnownValue | undefined)[];
  readonly attributes: Attributes;
  readonly outputs: number;
}

export type ShapeRule = (question: ShapeQuestion) => Shape[];

export function refuse(message: string): HistoloopError {
  return new HistoloopError('model-unusable', message);
}

/** The numbers of an input that must be known when the graph is built, such as the shape of a Reshape. */
export function constantNumbers(question: ShapeQuestion, index: number): number[] | undefined {
  const input = question.inputs[index];
  if (input === undefined) return undefined;
  if (input.constant === undefined)
    throw refuse(`input ${index} depends on pixel values, so the shape is unknown in advance`);
  return numbersOf(input.constant);
}

/** The first input, which every rule that asks for it has. */
export const first = ({ inputs }: Pick<ShapeQuestion, 'inputs'>) => inputs[0]!;

/** A shape without the axes, or with 1 in their place. */
export function dropAxes(dims: readonly number[], axes: ReadonlySet<number>, keep: boolean): number[] {
  return keep ? dims.map((dim, axis) => (axes.has(axis) ? 1 : dim)) : dims.filter((_, axis) => !axes.has(axis));
}
