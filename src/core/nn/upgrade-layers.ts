/** Upgrades of layers: resizing, normalisation, moves between depth and space. */
import { floatOf, intOf, stringOf } from './attributes.ts';
import { axisOf } from './tensor.ts';
import { asItIs, finish, type Upgrade } from './upgrade-rule.ts';
import { WINDOW_UPGRADES } from './upgrade-window.ts';

const upsample: Upgrade = (g, node) => {
  const attribute = node.attributes.scales;
  const scales = attribute?.kind === 'floats' ? g.floats([attribute.value.length], attribute.value) : node.inputs[1];
  const mode = stringOf(node.attributes, 'mode', 'nearest');
  const attributes = { mode, coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  finish(g, node, { op: 'Resize', inputs: [node.inputs[0], '', scales], attributes });
};

const resize: Upgrade = (g, node, opset) => (opset < 11 ? upsample(g, node, opset) : asItIs(g, node));

/** [N, C·b², H, W] → [N, C, H·b, W·b]. */
const depthToSpace: Upgrade = (g, node) => {
  const [n, c, h, w] = g.dims(node.inputs[0]);
  const block = intOf(node.attributes, 'blocksize', 1);
  const inner = c / block ** 2;
  const byColumn = stringOf(node.attributes, 'mode', 'DCR') === 'CRD';
  const cut = byColumn ? [n, inner, block, block, h, w] : [n, block, block, inner, h, w];
  const turned = g.transpose(g.reshape(node.inputs[0], cut), byColumn ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, inner, h * block, w * block])] });
};

/** [N, C, H·b, W·b] → [N, C·b², H, W]. */
const spaceToDepth: Upgrade = (g, node) => {
  const [n, c, h, w] = g.dims(node.inputs[0]);
  const block = intOf(node.attributes, 'blocksize', 1);
  const cut = g.reshape(node.inputs[0], [n, c, h / block, block, w / block, block]);
  const turned = g.transpose(cut, [0, 3, 5, 1, 2, 4]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, c * block ** 2, h / block, w / block])] });
};

const layerNormalization: Upgrade = (g, node) => {
  const [x, scale, bias] = node.inputs;
  const rank = g.dims(x).length;
  const axis = axisOf(intOf(node.attributes, 'axis', -1), rank);
  const axes = Array.from({ length: rank - axis }, (_, i) => axis + i);
  const centred = g.sub(x, g.mean(x, axes));
  const variance = g.add(g.mean(g.mul(centred, centred), axes), g.scalar(floatOf(node.attributes, 'epsilon', 1e-5)));
  const scaled = g.mul(g.div(centred, g.op('Sqrt', [variance])), scale);
  if (bias) finish(g, node, { op: 'Add', inputs: [scaled, bias] });
  else finish(g, node, { op: 'Identity', inputs: [scaled] });
};

export const LAYER_UPGRADES: Readonly<Record<string, Upgrade>> = {
  ...WINDOW_UPGRADES,
  DepthToSpace: depthToSpace,
  LayerNormalization: layerNormalization,
  Resize: resize,
  SpaceToDepth: spaceToDepth,
  Upsample: upsample,
};
