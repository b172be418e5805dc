/** The two attention blocks of the denoising U-Net (seeds-spec D3): linear over all pixels, and full at the bottom. */
import { convolution, groupNorm, POINT } from './denoising-blocks.ts';
import { addNode, type NetworkDraft, scalar, shapeOf } from './network-draft.ts';

export interface AttentionShape {
  readonly width: number;
  readonly heads: number;
  readonly headWidth: number;
}

/** Queries, keys and values, each [B, heads, headWidth, pixels], of the normalised picture. */
function projections(
  draft: NetworkDraft,
  name: string,
  input: string,
  shape: AttentionShape,
): [string, string, string] {
  const inner = shape.heads * shape.headWidth;
  const normal = groupNorm(draft, `${name}.n`, input, { width: shape.width, groups: 1 });
  const all = convolution(draft, `${name}.qkv`, normal, {
    widths: [shape.width, 3 * inner],
    kernel: POINT,
    bias: false,
  });
  const outputs = ['q', 'k', 'v'].map((part) => `${name}.${part}`) as [string, string, string];
  const sizes = shapeOf(draft, [inner, inner, inner]);
  draft.nodes.push({
    name: `${name}.split`,
    op: 'Split',
    domain: '',
    inputs: [all, sizes],
    outputs: outputs.map((output) => `${output}.image`),
    attributes: { axis: { kind: 'int', value: 1 } },
  });
  const perHead = shapeOf(draft, [0, shape.heads, shape.headWidth, -1]);
  for (const output of outputs) addNode(draft, 'Reshape', { name: output, inputs: [`${output}.image`, perHead] });
  return outputs;
}

function turned(draft: NetworkDraft, name: string, input: string): string {
  return addNode(draft, 'Transpose', { name, inputs: [input] }, { perm: [0, 1, 3, 2] });
}

/** [B, heads, headWidth, pixels] → the picture's size again, through `name.o`. */
function projectBack(draft: NetworkDraft, name: string, mixed: string, shape: AttentionShape): string {
  const size = addNode(draft, 'Shape', { name: `${name}.size`, inputs: [`${name}.q.image`] });
  const picture = addNode(draft, 'Reshape', { name: `${name}.picture`, inputs: [mixed, size] });
  return convolution(draft, `${name}.o`, picture, {
    widths: [shape.heads * shape.headWidth, shape.width],
    kernel: POINT,
  });
}

/** `LinAttn`: softmax of queries over channels, of keys over pixels; cost grows with pixels, not with their square. */
export function linearAttention(draft: NetworkDraft, name: string, input: string, shape: AttentionShape): string {
  const [q, k, v] = projections(draft, name, input, shape);
  const queries = addNode(draft, 'Softmax', { name: `${name}.queries`, inputs: [q] }, { axis: 2 });
  const keys = addNode(draft, 'Softmax', { name: `${name}.keys`, inputs: [k] }, { axis: 3 });
  // v·kᵀ is the context transposed, so that neither product needs a second transposition.
  const context = addNode(draft, 'MatMul', { name: `${name}.product`, inputs: [v, turned(draft, `${name}.kt`, keys)] });
  const scale = scalar(draft, shape.headWidth ** -0.5);
  const scaled = addNode(draft, 'Mul', { name: `${name}.context`, inputs: [context, scale] });
  const mixed = addNode(draft, 'MatMul', { name: `${name}.mixed`, inputs: [scaled, queries] });
  const back = projectBack(draft, name, mixed, shape);
  const normal = groupNorm(draft, `${name}.on`, back, { width: shape.width, groups: 1 });
  return addNode(draft, 'Add', { name, inputs: [normal, input] });
}

/** `Attn`: softmax(qᵀk/√headWidth) over keys. */
export function fullAttention(draft: NetworkDraft, name: string, input: string, shape: AttentionShape): string {
  const [q, k, v] = projections(draft, name, input, shape);
  const scaled = addNode(draft, 'Mul', { name: `${name}.scaled`, inputs: [q, scalar(draft, shape.headWidth ** -0.5)] });
  const likeness = addNode(draft, 'MatMul', {
    name: `${name}.likeness`,
    inputs: [turned(draft, `${name}.qt`, scaled), k],
  });
  const attention = addNode(draft, 'Softmax', { name: `${name}.attention`, inputs: [likeness] }, { axis: 3 });
  const mixed = addNode(draft, 'MatMul', {
    name: `${name}.mixed`,
    inputs: [v, turned(draft, `${name}.at`, attention)],
  });
  const back = projectBack(draft, name, mixed, shape);
  return addNode(draft, 'Add', { name, inputs: [back, input] });
}
