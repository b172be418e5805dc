/** Reading the fields of one protobuf message by number: the last one counts, a missing text is empty. */
import { decodeUtf8, type Field, readFields } from './protobuf.ts';

export function messages(fields: readonly Field[], id: number): Field[][] {
  return fields.filter((field) => field.id === id).map((field) => readFields(field.bytes));
}

export function texts(fields: readonly Field[], id: number): string[] {
  return fields.filter((field) => field.id === id).map((field) => decodeUtf8(field.bytes));
}

export function textOf(fields: readonly Field[], id: number): string {
  const last = fields.findLast((field) => field.id === id);
  return last === undefined ? '' : decodeUtf8(last.bytes);
}

export function numberOf(fields: readonly Field[], id: number): number | undefined {
  return fields.findLast((field) => field.id === id)?.number;
}
