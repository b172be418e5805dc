/** Upgrades of Resize and Upsample: every way to say a size becomes one; what opset 18 cannot say becomes matrices. */
import { floatOf, intOf, intsOf, stringOf } from './attributes.ts';
import { attributesOf, type GraphBuilder } from './builder.ts';
import { alongAxis } from './grad-resize.ts';
import type { Attributes, Node } from './graph.ts';
import { isUnchanged, type ResizeAxis, resizeAxes, settled } from './resize.ts';
import { axisOf, numbersOf } from './tensor.ts';
import { finish, type Upgrade, unusable } from './upgrade-rule.ts';

/** Before opset 11: by scales; the nearest pixel is the one before, or the one after where the picture shrinks. */
export const upsample: Upgrade = (g, node) => {
  const attribute = node.attributes.scales;
  const scales = attribute?.kind === 'floats' ? attribute.value : numbersAt(g, node, 1);
  const mode = stringOf(node.attributes, 'mode', 'nearest');
  const plain = { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  const [x] = node.inputs;
  if (mode !== 'nearest' || scales.every((scale) => scale >= 1)) {
    const inputs = [x, '', g.floats([scales.length], scales)];
    return finish(g, node, { op: 'Resize', inputs, attributes: plain });
  }
  const [floor, ceil] = ['floor', 'ceil'].map((nearest_mode) => attributesOf('Resize', { ...plain, nearest_mode }));
  const axes = resizeAxes(g.dims(x), scales, []);
  asMatrices(g, node, { axes, attributesAt: (axis) => (axis.scale < 1 ? ceil : floor) });
};

/** Conventions that came or went with another opset than ours. */
const SPELLED = ['half_pixel_symmetric', 'tf_half_pixel_for_nn'];

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  mode: ['nearest', 'linear', 'cubic'],
  coordinate_transformation_mode: ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', ...SPELLED],
  nearest_mode: ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'],
};

function requireKnown(node: Node): void {
  for (const [name, choices] of Object.entries(KNOWN)) {
    const chosen = stringOf(node.attributes, name, choices[0]);
    if (!choices.includes(chosen)) throw unusable(node, `has the ${name} '${chosen}'; export it with '${choices[0]}'`);
  }
}

export const resize: Upgrade = (g, node, opset) => {
  if (opset < 11) return upsample(g, node, opset);
  const { attributes } = node;
  const coordinates = stringOf(attributes, 'coordinate_transformation_mode', 'half_pixel');
  if (coordinates === 'tf_crop_and_resize') {
    throw unusable(node, 'cuts out regions (tf_crop_and_resize), which cannot be trained through; export without it');
  }
  requireKnown(node);
  const { scales, sizes, axes } = wantedAxes(g, node);
  const antialias = intOf(attributes, 'antialias', 0) === 1;
  if (antialias && stringOf(attributes, 'mode', 'nearest') === 'nearest') {
    throw unusable(node, 'takes the nearest pixel with antialias, which means nothing; export with linear or cubic');
  }
  if (antialias || SPELLED.includes(coordinates) || scales.length + sizes.length === 0) {
    // With antialias the runtime leaves an axis that keeps its size as it is.
    const still = ({ inputSize, outputSize }: ResizeAxis) => antialias && inputSize === outputSize;
    const moved = axes.map((axis) => (still(axis) ? { ...axis, scale: 1 } : axis));
    return asMatrices(g, node, { axes: moved, attributesAt: () => attributes });
  }
  const by = sizes.length > 0 ? ['', '', g.ints(sizes)] : ['', g.floats([scales.length], scales)];
  const known = {
    coordinate_transformation_mode: coordinates,
    cubic_coeff_a: floatOf(attributes, 'cubic_coeff_a', -0.75),
    exclude_outside: intOf(attributes, 'exclude_outside', 0),
    mode: stringOf(attributes, 'mode', 'nearest'),
    nearest_mode: stringOf(attributes, 'nearest_mode', 'round_prefer_floor'),
  };
  finish(g, node, { op: 'Resize', inputs: [node.inputs[0], ...by], attributes: known });
};

interface Spelling {
  readonly axes: readonly ResizeAxis[];
  readonly attributesAt: (axis: ResizeAxis) => Attributes;
}

/** One matrix product per axis that changes. */
function asMatrices(g: GraphBuilder, node: Node, { axes, attributesAt }: Spelling): void {
  const result = axes.reduce(
    (value, axis, at) =>
      isUnchanged(axis) ? value : alongAxis(g, value, { axis, at, attributes: attributesAt(axis), back: false }),
    node.inputs[0],
  );
  finish(g, node, { op: 'Identity', inputs: [result] });
}

interface Wanted {
  readonly axes: readonly ResizeAxis[];
  /** Of every axis; both empty where neither says it, because proportions are kept. */
  readonly scales: readonly number[];
  readonly sizes: readonly number[];
}

function wantedAxes(g: GraphBuilder, node: Node): Wanted {
  const dims = g.dims(node.inputs[0]);
  const [givenScales, givenSizes] = [numbersAt(g, node, 2), numbersAt(g, node, 3)];
  const named = intsOf(node.attributes, 'axes')?.map((axis) => axisOf(axis, dims.length));
  const order = named ?? dims.map((_, axis) => axis);
  const given = givenSizes.length > 0 ? givenSizes : givenScales;
  if (given.length !== order.length)
    throw unusable(node, `has ${given.length} sizes or scales for ${order.length} axes`);
  const at = (axis: number) => order.indexOf(axis);
  if (givenSizes.length === 0) {
    const scales = dims.map((_, axis) => givenScales[at(axis)] ?? 1);
    return { scales, sizes: [], axes: resizeAxes(dims, scales, []) };
  }
  const policy = stringOf(node.attributes, 'keep_aspect_ratio_policy', 'stretch');
  if (policy === 'stretch') {
    const sizes = dims.map((dim, axis) => givenSizes[at(axis)] ?? dim);
    return { scales: [], sizes, axes: resizeAxes(dims, [], sizes) };
  }
  const ratios = order.map((axis, i) => givenSizes[i] / dims[axis]);
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  const sizes = dims.map((dim, axis) => (order.includes(axis) ? Math.round(Math.fround(ratio * dim)) : dim));
  const axes = resizeAxes(dims, [], sizes).map((axis, i) => ({ ...axis, scale: order.includes(i) ? ratio : 1 }));
  return { scales: [], sizes: [], axes: settled(axes) };
}

function numbersAt(g: GraphBuilder, node: Node, index: number): number[] {
  const name = node.inputs[index] ?? '';
  if (name === '') return [];
  const constant = g.constantOf(name);
  if (constant === undefined) {
    throw unusable(node, 'gets its size from pixel values, so it is unknown in advance; export with fixed sizes');
  }
  return numbersOf(constant);
}
