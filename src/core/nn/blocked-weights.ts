/**
 * Weights of convolutions on their way into the blocked layout. They change with every step, so that all of this is part of
 * the graph, written as few wide copies: the runtime turns matrices fast and many axes slowly.
 */
import { intOf, intsOf } from './attributes.ts';
import type { BlockedDraft } from './blocked-draft.ts';
import { sameDims } from './tensor.ts';

/** Weights [O,I,h,w], or what they are made from going back: `turned` weights [I,O,h,w], to be rotated by 180°. */
export interface Kernel {
  readonly value: string;
  readonly turned: boolean;
}

/** Looks behind the rotation that `grad-conv.ts` writes before the convolution of a gradient. */
export function kernelOf(draft: BlockedDraft, weights: string, group: number): Kernel {
  const plain = { value: weights, turned: false };
  const [o, i, h, w] = draft.dims(weights);
  if (group !== 1) return plain;
  const transpose = draft.makers.get(draft.makers.get(weights)?.inputs[0] ?? '');
  const gather = draft.makers.get(transpose?.inputs[0] ?? '');
  const source = draft.makers.get(gather?.inputs[0] ?? '')?.inputs[0] ?? '';
  if (transpose?.op !== 'Transpose' || intsOf(transpose.attributes, 'perm')?.join() !== '0,2,1,3') return plain;
  if (gather?.op !== 'Gather' || intOf(gather.attributes, 'axis', 0) !== 3) return plain;
  const backwards = Array.from({ length: h * w }, (_, at) => h * w - 1 - at);
  if (draft.numbers(gather.inputs[1])?.join() !== backwards.join()) return plain;
  return sameDims(draft.dims(source), [i, o, h, w]) ? { value: source, turned: true } : plain;
}

/** Output channels (axis 0) or input channels (axis 1) start…end−1. */
export function shareOf(draft: BlockedDraft, kernel: Kernel, axis: 0 | 1, range: readonly [number, number]): Kernel {
  return { ...kernel, value: draft.slice(kernel.value, kernel.turned ? 1 - axis : axis, range) };
}

interface TapMap {
  /** Taps along each axis of the new kernel. */
  readonly to: number;
  /** The old taps along an axis that a new one is the sum of; those that do not exist count 0. */
  readonly reads: (to: number, axis: 0 | 1) => readonly number[];
  readonly factor: number;
}

/** A kernel whose taps are sums of another's. */
export function mapTaps(draft: BlockedDraft, kernel: Kernel, { to, reads, factor }: TapMap): Kernel {
  const [a, b, h, w] = draft.dims(kernel.value);
  const matrix = Float32Array.from({ length: h * w * to * to }, (_, at) => {
    const [stored, result] = [Math.floor(at / (to * to)), at % (to * to)];
    // The taps of a turned kernel lie backwards, before and after.
    const [tap, made] = kernel.turned ? [h * w - 1 - stored, to * to - 1 - result] : [stored, result];
    const down = reads(Math.floor(made / to), 0).includes(Math.floor(tap / w));
    return down && reads(made % to, 1).includes(tap % w) ? factor : 0;
  });
  const flat = draft.reshape(kernel.value, [a * b, h * w]);
  const inputs = [flat, draft.floats([h * w, to * to], matrix)];
  const mapped = draft.add({ op: 'MatMul', inputs, dims: [a * b, to * to] });
  return { ...kernel, value: draft.reshape(mapped, [a, b, to, to]) };
}

/** [O/B,I/B,h,w,B of I,B of O], or [O/B,I,h,w,B of O] where I is no whole block; under the shape [O,I,h,w]. */
export function blockKernel(draft: BlockedDraft, { value, turned }: Kernel, block: number): string {
  if (turned && draft.dims(value)[0] % block === 0) return blockTurned(draft, value, block);
  const weights = turned ? rotate(draft, value) : value;
  const [o, i, h, w] = draft.dims(weights);
  const outermost = draft.transpose(draft.reshape(weights, [o / block, block, i * h * w]), [0, 2, 1]);
  if (i % block !== 0) return draft.reshape(outermost, [o, i, h, w]);
  const innermost = draft.reshape(outermost, [(o * i) / block ** 2, block, h * w, block]);
  return draft.reshape(draft.transpose(innermost, [0, 2, 1, 3]), [o, i, h, w]);
}

/** [I,O,h,w], rotated by 180°, as blocked [O,I,h,w]. */
function blockTurned(draft: BlockedDraft, value: string, block: number): string {
  const [i, o, h, w] = draft.dims(value);
  const split = draft.reshape(value, [i / block, block, o / block, block * h * w]);
  const apart = draft.reshape(draft.transpose(split, [2, 0, 1, 3]), [(o * i) / block ** 2, block ** 2, h * w]);
  const tapsFirst = draft.transpose(apart, [0, 2, 1]);
  return draft.reshape(backwards(draft, tapsFirst, 1), [o, i, h, w]);
}

function rotate(draft: BlockedDraft, value: string): string {
  const [i, o, h, w] = draft.dims(value);
  const swapped = draft.transpose(draft.reshape(value, [i, o, h * w]), [1, 0, 2]);
  return draft.reshape(backwards(draft, swapped, 2), [o, i, h, w]);
}

function backwards(draft: BlockedDraft, value: string, axis: number): string {
  const dims = draft.dims(value);
  if (dims[axis] === 1) return value;
  const order = Array.from({ length: dims[axis] }, (_, at) => dims[axis] - 1 - at);
  return draft.add({ op: 'Gather', inputs: [value, draft.ints(order)], dims, attributes: { axis } });
}
