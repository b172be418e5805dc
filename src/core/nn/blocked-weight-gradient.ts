/**
 * The gradient by a convolution's weights in the blocked layout. What `grad-conv.ts` wrote as one Conv of three spatial
 * axes (a picture with the channels last, slid over by the other picture as its kernel) is a Conv of two: a row of pixels
 * with their channels is one long row of numbers, so that a tap to the right is a step of as many numbers as there are
 * channels; the kernel is the other picture as it lies, and each sample is a group. Rows are cut into bands that fit the
 * processor's cache; a band of the picture takes along the rows that its taps reach over the edge.
 */
import { assert } from '../errors.ts';
import { intOf, intsOf } from './attributes.ts';
import { BLOCKED_DOMAIN, type BlockedDraft } from './blocked-draft.ts';
import type { BlockedValues } from './blocked-values.ts';
import type { Node } from './graph.ts';
import { sameDims } from './tensor.ts';

/** What a band may take of the cache, in bytes: the kernel's rows and the picture's. */
const BAND_BYTES = 2 ** 20;

interface Found {
  /** [N,Ci,H,W] that is slid over, and [N,Co,h,w] that is the kernel. */
  readonly image: string;
  readonly kernel: string;
  /** Rows and columns of zeros around the image. */
  readonly pads: readonly [top: number, left: number, bottom: number, right: number];
}

/** Replaces the Conv of three spatial axes and the sum over samples after it, [Co,kh,kw,Ci] in whatever shape it had. */
export function conv3d(values: BlockedValues, node: Node): boolean {
  const { draft } = values;
  const found = draft.dims(node.inputs[0]).length === 5 ? find(values, node) : null;
  const total = found && summedAfter(draft, node);
  if (!found || !total) return false;
  const [, , kh, kw, ci] = draft.dims(node.outputs[0]);
  const co = draft.dims(found.kernel)[1];
  const rows = partsOf(values, found.kernel).map((kernel) => {
    const columns = partsOf(values, found.image).map((image) => gradientOf(values, { ...found, image, kernel }));
    return concat(draft, columns, 2);
  });
  const joined = concat(draft, rows, 0);
  assert(sameDims(draft.dims(joined), [co, kh * kw, ci]), `a weight gradient of ${draft.dims(joined).join('×')}`);
  const dims = draft.dims(total);
  draft.add({ op: 'Reshape', inputs: [joined, draft.ints(dims)], dims, result: total });
  values.settled.add(total);
  return true;
}

/** The sum over the samples that alone uses the convolution's result. */
function summedAfter(draft: BlockedDraft, node: Node): string | null {
  const view = draft.usedOnce(node.outputs[0]) ? draft.users.get(node.outputs[0])![0] : undefined;
  if (view?.op !== 'Reshape' || !draft.usedOnce(view.outputs[0])) return null;
  const sum = draft.users.get(view.outputs[0])![0];
  const ofSamples = sum.op === 'ReduceSum' && draft.numbers(sum.inputs[1])?.join() === '0';
  if (!ofSamples) return null;
  return sum.outputs[0];
}

/** The gradient of one pair, [Co,kh·kw,Ci]. A doubled kernel is not doubled: its taps are sums of those of the small one. */
function gradientOf(values: BlockedValues, pair: Found): string {
  const { draft } = values;
  const half = values.halfOf(pair.kernel);
  if (half === undefined) return slide(values, pair, 1);
  const slid = slide(values, { ...pair, kernel: half }, 2);
  const [co, from, ci] = draft.dims(slid);
  const taps = Math.sqrt(from) - 1;
  const matrix = Float32Array.from({ length: taps * taps * from }, (_, at) => {
    const [to, read] = [Math.floor(at / from), at % from];
    const down = Math.floor(read / (taps + 1)) - Math.floor(to / taps);
    const across = (read % (taps + 1)) - (to % taps);
    return (down === 0 || down === 1) && (across === 0 || across === 1) ? 1 : 0;
  });
  const inputs = [draft.floats([taps * taps, from], matrix), slid];
  return draft.add({ op: 'MatMul', inputs, dims: [co, taps * taps, ci] });
}

function partsOf(values: BlockedValues, name: string): readonly string[] {
  return values.isBlocked(name) ? values.partsOf(name) : [name];
}

function concat(draft: BlockedDraft, parts: readonly string[], axis: number): string {
  if (parts.length === 1) return parts[0];
  const total = parts.reduce((sum, part) => sum + draft.dims(part)[axis], 0);
  return draft.add({ op: 'Concat', inputs: parts, dims: draft.dims(parts[0]).with(axis, total), attributes: { axis } });
}

/** Looks back through the views that `grad-conv.ts` puts before its Conv. */
function find({ draft, block }: BlockedValues, node: Node): Found | null {
  const turned = draft.makers.get(draft.makers.get(node.inputs[0])?.inputs[0] ?? '');
  const viewed = draft.makers.get(node.inputs[1]);
  if (turned?.op !== 'Transpose' || intsOf(turned.attributes, 'perm')?.join() !== '0,2,3,1') return null;
  if (viewed?.op !== 'Reshape') return null;
  const [image, kernel] = [turned.inputs[0], viewed.inputs[0]];
  const [n, ci] = draft.dims(image);
  const kernelDims = draft.dims(kernel);
  const pads = intsOf(node.attributes, 'pads') ?? [];
  const steps = [...(intsOf(node.attributes, 'strides') ?? []), ...(intsOf(node.attributes, 'dilations') ?? [])];
  const plain = steps.every((step) => step === 1) && pads.every((pad) => pad >= 0) && pads.length === 6;
  if (!plain || intOf(node.attributes, 'group', 1) !== n || kernelDims.length !== 4 || kernelDims[0] !== n) return null;
  if (kernelDims[1] % block !== 0 || (ci % block !== 0 && ci >= block)) return null;
  return { image, kernel, pads: [pads[0], pads[1], pads[3], pads[4]] };
}

/** The sums of the products at each tap, [Co,kh·kw,Ci]; the kernel's pixels meet every `step`-th of the image. */
function slide(values: BlockedValues, { image, kernel, pads }: Found, step: 1 | 2): string {
  const { draft, block } = values;
  const [n, ci, h, w] = draft.dims(image);
  const [, co, rows, columns] = draft.dims(kernel);
  const [top, left, bottom, right] = pads;
  const taps = [h + top + bottom - step * (rows - 1), w + left + right - step * (columns - 1)];
  const bytesPerRow = columns * 4 * (Math.min(co, 4 * block) + step * step * block);
  const bands = h === step * rows ? bandsOf(rows, bytesPerRow) : 1;
  // Channels of the image that lie side by side; the other blocks are independent pictures.
  const lanes = Math.min(ci, block);
  const blocks = ci / lanes;
  const slid = bandRows(draft, pixelRows(values, image, lanes), {
    pads,
    rows: (step * rows) / bands,
    bands,
    step,
    taps: taps[0],
  });
  const group = n * bands;
  const filters = draft.reshape(bandKernel(values, kernel, bands), [group * co, 1, rows / bands, columns]);
  const sums = draft.add({
    op: 'Conv',
    domain: BLOCKED_DOMAIN,
    inputs: [draft.reshape(slid, [blocks, group, ...draft.dims(slid).slice(-2)]), filters],
    dims: [blocks, group * co, taps[0], taps[1] * lanes],
    attributes: {
      group,
      kernel_shape: [rows / bands, columns],
      dilations: [step, step * lanes],
      pads: bands > 1 ? [0, 0, 0, 0] : [top, 0, bottom, 0],
      strides: [1, 1],
    },
  });
  const all = taps[0] * taps[1];
  const perGroup = draft.reshape(sums, [blocks, group, co * all * lanes]);
  const total = draft.reshape(draft.sum(perGroup, 1), [blocks, co / block, all, lanes * block]);
  const together = draft.reshape(draft.transpose(total, [1, 2, 0, 3]), [co / block, all * ci, block]);
  return draft.reshape(draft.transpose(together, [0, 2, 1]), [co, all, ci]);
}

/** The fewest bands that fit the cache; 1 where the rows cannot be divided so. */
function bandsOf(rows: number, bytesPerRow: number): number {
  for (let bands = 1; bands <= rows / 4; bands++) {
    if (rows % bands === 0 && (rows / bands) * bytesPerRow <= BAND_BYTES) return bands;
  }
  return 1;
}

/** [blocks·N, H, W, lanes]: pixels with their channels, block by block. */
function pixelRows(values: BlockedValues, image: string, lanes: number): string {
  const { draft, block } = values;
  const [n, c, h, w] = draft.dims(image);
  if (c < block) return draft.transpose(values.plain(image), [0, 2, 3, 1]);
  const blocks = c / lanes;
  const apart = draft.reshape(values.blocked(image), [n, blocks, h * w * lanes]);
  return draft.reshape(blocks === 1 ? apart : draft.transpose(apart, [1, 0, 2]), [blocks * n, h, w, lanes]);
}

interface Bands {
  readonly pads: Found['pads'];
  /** Rows of the image that belong to each band, without those that its taps reach over the edge. */
  readonly rows: number;
  readonly bands: number;
  readonly step: 1 | 2;
  /** Taps from top to bottom. */
  readonly taps: number;
}

/** Zeros beside the rows and, where there are bands, each band with the rows it reaches over: [blocks·N, bands, rows, W·lanes]. */
function bandRows(draft: BlockedDraft, pixels: string, { pads, rows, bands, step, taps }: Bands): string {
  const [top, left, bottom, right] = pads;
  const [pictures, h, w, lanes] = draft.dims(pixels);
  const wide = [pictures, h, (w + left + right) * lanes];
  const side = (count: number) => (count > 0 ? [draft.filled([pictures * h, count * lanes], 0)] : []);
  const strips = [...side(left), draft.reshape(pixels, [pictures * h, w * lanes]), ...side(right)];
  const padded = draft.reshape(concat(draft, strips, 1), wide);
  if (bands === 1) return padded;
  const whole = draft.reshape(padded, [pictures, bands, rows * wide[2]]);
  const above = neighbours(draft, padded, { count: top, bands, first: rows - top, step: rows });
  const below = neighbours(draft, padded, { count: bottom, bands, first: rows, step: rows });
  return draft.reshape(concat(draft, [...above, whole, ...below], 2), [pictures, bands, rows + taps - step, wide[2]]);
}

interface Neighbours {
  /** Rows beside each band. */
  readonly count: number;
  readonly bands: number;
  /** Where they start between the first band and the second, and how far it is to the next pair. */
  readonly first: number;
  readonly step: number;
}

/** Rows above each band (they start before its first row) or below it, zeros at the picture's edge: [blocks·N, bands, rows·W]. */
function neighbours(draft: BlockedDraft, rows: string, { count, bands, first, step }: Neighbours): string[] {
  if (count === 0) return [];
  const [pictures, , width] = draft.dims(rows);
  const indices = Array.from({ length: (bands - 1) * count }, (_, at) => {
    return Math.floor(at / count) * step + first + (at % count);
  });
  const inputs = [rows, draft.ints(indices)];
  const between = draft.add({ op: 'Gather', inputs, dims: [pictures, indices.length, width], attributes: { axis: 1 } });
  const edge = draft.filled([pictures, count, width], 0);
  const all = first < step ? [edge, between] : [between, edge];
  return [draft.reshape(concat(draft, all, 1), [pictures, bands, count * width])];
}

/** The kernel with each band's rows together: [N, bands, Co, rows, W]. */
function bandKernel(values: BlockedValues, kernel: string, bands: number): string {
  const { draft, block } = values;
  const [n, co, rows, columns] = draft.dims(kernel);
  const blocked = values.blocked(kernel);
  if (bands === 1 || co === block) return blocked;
  const apart = draft.reshape(blocked, [n, co / block, bands, (rows / bands) * columns * block]);
  return draft.transpose(apart, [0, 2, 1, 3]);
}
