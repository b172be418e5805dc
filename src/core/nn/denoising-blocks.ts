/**
 * The blocks of the denoising U-Net (`denoising-unet.ts`), written as ordinary operators that every provider runs and
 * `grad.ts` knows. Parameters are made in the order in which checkpoints list them.
 */
import { addNode, filled, type NetworkDraft, scalar, shapeOf, uniform } from './network-draft.ts';
import { tensorOf } from './tensor.ts';

export type Widths = readonly [from: number, to: number];

/** PyTorch's default, and the seeds' (A2). */
const EPSILON = 1e-5;

export interface Kernel {
  readonly size: number;
  readonly pad: number;
  readonly stride: number;
}

export const SAME_3: Kernel = { size: 3, pad: 1, stride: 1 };
export const POINT: Kernel = { size: 1, pad: 0, stride: 1 };
/** Halves, or as a transposed convolution doubles, height and width. */
export const HALF_4: Kernel = { size: 4, pad: 1, stride: 2 };

function windowOf({ size, pad, stride }: Kernel) {
  return { kernel_shape: [size, size], pads: [pad, pad, pad, pad], strides: [stride, stride] };
}

/** Convolution with parameters `name.w` [to,from,k,k] and, unless left out, `name.b` [to]. */
export function convolution(
  draft: NetworkDraft,
  name: string,
  input: string,
  { widths: [from, to], kernel, bias = true }: { widths: Widths; kernel: Kernel; bias?: boolean },
): string {
  const fanIn = from * kernel.size ** 2;
  const inputs = [input, uniform(draft, `${name}.w`, [to, from, kernel.size, kernel.size], fanIn)];
  if (bias) inputs.push(uniform(draft, `${name}.b`, [to], fanIn));
  return addNode(draft, 'Conv', { name, inputs }, windowOf(kernel));
}

/** Transposed convolution 4×4 of stride 2, weights [in,out,4,4]; PyTorch counts its fan-in by the outputs. */
export function upsampling(draft: NetworkDraft, name: string, input: string, width: number): string {
  const fanIn = width * HALF_4.size ** 2;
  const weights = uniform(draft, `${name}.w`, [width, width, HALF_4.size, HALF_4.size], fanIn);
  const inputs = [input, weights, uniform(draft, `${name}.b`, [width], fanIn)];
  return addNode(draft, 'ConvTranspose', { name, inputs }, windowOf(HALF_4));
}

/** x·Wᵀ + b on rows, with parameters `name.w` [to,from] and `name.b` [to]. */
export function linear(draft: NetworkDraft, name: string, input: string, [from, to]: Widths): string {
  const inputs = [input, uniform(draft, `${name}.w`, [to, from], from), uniform(draft, `${name}.b`, [to], from)];
  return addNode(draft, 'Gemm', { name, inputs }, { transB: 1 });
}

export function silu(draft: NetworkDraft, name: string, input: string): string {
  const gate = addNode(draft, 'Sigmoid', { name: `${name}.sigmoid`, inputs: [input] });
  return addNode(draft, 'Mul', { name: `${name}.silu`, inputs: [input, gate] });
}

/** x·Φ(x) with the error function, not the tanh form. */
export function gelu(draft: NetworkDraft, name: string, input: string): string {
  const node = (op: 'Mul' | 'Add' | 'Erf', part: string, inputs: string[]) =>
    addNode(draft, op, { name: `${name}.${part}`, inputs });
  const erf = node('Erf', 'erf', [node('Mul', 'scaled', [input, scalar(draft, Math.SQRT1_2)])]);
  const both = node('Mul', 'both', [input, node('Add', 'shifted', [erf, scalar(draft, 1)])]);
  return node('Mul', 'gelu', [both, scalar(draft, 0.5)]);
}

/**
 * Group normalisation (Wu & He 2018) with parameters `name.w` and `name.b` [C,1,1]: each group is one long row that
 * InstanceNormalization centres, since the operator of that name scales by group in opset 18.
 */
export function groupNorm(
  draft: NetworkDraft,
  name: string,
  input: string,
  { width, groups }: { readonly width: number; readonly groups: number },
): string {
  const weight = filled(draft, `${name}.w`, [width, 1, 1], 1);
  const bias = filled(draft, `${name}.b`, [width, 1, 1], 0);
  const [one, zero] = [1, 0].map((value) => sameForGroups(draft, groups, value));
  const rows = addNode(draft, 'Reshape', { name: `${name}.rows`, inputs: [input, shapeOf(draft, [0, groups, -1])] });
  const unit = addNode(
    draft,
    'InstanceNormalization',
    { name: `${name}.unit`, inputs: [rows, one, zero] },
    { epsilon: EPSILON },
  );
  const shape = addNode(draft, 'Shape', { name: `${name}.shape`, inputs: [input] });
  const image = addNode(draft, 'Reshape', { name: `${name}.image`, inputs: [unit, shape] });
  const scaled = addNode(draft, 'Mul', { name: `${name}.scaled`, inputs: [image, weight] });
  return addNode(draft, 'Add', { name, inputs: [scaled, bias] });
}

/** A computed constant: as a weight of the network it would learn, as InstanceNormalization's scales do. */
function sameForGroups(draft: NetworkDraft, groups: number, value: number): string {
  const name = `groups.${groups}.${value}`;
  if (draft.nodes.some((node) => node.name === name)) return name;
  const inputs = [shapeOf(draft, [groups])];
  return addNode(draft, 'ConstantOfShape', { name, inputs }, { value: tensorOf('float32', [1], [value]) });
}

export interface ResidualShape {
  readonly widths: Widths;
  readonly groups: number;
  /** Width of the time vector; null for a block without one. */
  readonly timeWidth: number | null;
}

/** `Res` of seeds-spec D3. `time` is SiLU of the time embedding [B or 1, timeWidth], shared by all blocks. */
export function residual(
  draft: NetworkDraft,
  name: string,
  { image, time }: { readonly image: string; readonly time: string },
  { widths: [from, to], groups, timeWidth }: ResidualShape,
): string {
  const shift = timeWidth === null ? null : linear(draft, `${name}.lin`, time, [timeWidth, to]);
  let h = convolution(draft, `${name}.c1`, image, { widths: [from, to], kernel: SAME_3 });
  h = silu(draft, `${name}.n1`, groupNorm(draft, `${name}.n1`, h, { width: to, groups }));
  if (shift !== null) {
    const tall = addNode(draft, 'Reshape', { name: `${name}.shift`, inputs: [shift, shapeOf(draft, [-1, to, 1, 1])] });
    h = addNode(draft, 'Add', { name: `${name}.timed`, inputs: [h, tall] });
  }
  h = convolution(draft, `${name}.c2`, h, { widths: [to, to], kernel: SAME_3 });
  h = silu(draft, `${name}.n2`, groupNorm(draft, `${name}.n2`, h, { width: to, groups }));
  const skip = from === to ? image : convolution(draft, `${name}.sk`, image, { widths: [from, to], kernel: POINT });
  return addNode(draft, 'Add', { name, inputs: [h, skip] });
}
