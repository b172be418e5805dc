/** Reading a node's attributes with their ONNX defaults. A wrong kind counts as absent; `verify.ts` has refused it before. */
import type { Attributes } from './graph.ts';

function find<K extends string>(attributes: Attributes, name: string, kind: K) {
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return attribute?.kind === kind ? attribute : undefined;
}

export function intOf(attributes: Attributes, name: string, fallback: number): number {
  const attribute = find(attributes, name, 'int');
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

export function floatOf(attributes: Attributes, name: string, fallback: number): number {
  const attribute = find(attributes, name, 'float');
  return attribute?.kind === 'float' ? attribute.value : fallback;
}

export function stringOf(attributes: Attributes, name: string, fallback: string): string {
  const attribute = find(attributes, name, 'string');
  return attribute?.kind === 'string' ? attribute.value : fallback;
}

export function intsOf(attributes: Attributes, name: string): readonly number[] | undefined {
  const attribute = find(attributes, name, 'ints');
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}
