/** Upgrades of layers, gathered from the files of each family, and moves between depth and space. */
import { HistoloopError } from '../errors.ts';
import { intOf, stringOf } from './attributes.ts';
import type { GraphBuilder } from './builder.ts';
import type { Node } from './graph.ts';
import { MATRIX_UPGRADES } from './upgrade-matrix.ts';
import { NORMALISATION_UPGRADES } from './upgrade-normalisation.ts';
import { resize, upsample } from './upgrade-resize.ts';
import { finish, type Upgrade } from './upgrade-rule.ts';
import { WINDOW_UPGRADES } from './upgrade-window.ts';
import { nodeLabel } from './verify.ts';

/** A block's side, and the picture's shape, which must be cut into whole blocks. */
function blocksOf(g: GraphBuilder, node: Node): { dims: readonly number[]; block: number } {
  const dims = g.dims(node.inputs[0]);
  const block = intOf(node.attributes, 'blocksize', 1);
  const whole =
    node.op === 'DepthToSpace' ? dims[1] % block ** 2 === 0 : dims[2] % block === 0 && dims[3] % block === 0;
  if (dims.length === 4 && block >= 1 && whole) return { dims, block };
  throw new HistoloopError(
    'model-unusable',
    `${nodeLabel(node)} cannot cut ${dims.join('×')} into blocks of ${block}×${block}; choose a tile size divisible by it`,
  );
}

/** [N, C·b², H, W] → [N, C, H·b, W·b]. */
const depthToSpace: Upgrade = (g, node) => {
  const { dims, block } = blocksOf(g, node);
  const [n, c, h, w] = dims;
  const inner = c / block ** 2;
  const byColumn = stringOf(node.attributes, 'mode', 'DCR') === 'CRD';
  const cut = byColumn ? [n, inner, block, block, h, w] : [n, block, block, inner, h, w];
  const turned = g.transpose(g.reshape(node.inputs[0], cut), byColumn ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, inner, h * block, w * block])] });
};

/** [N, C, H·b, W·b] → [N, C·b², H, W]. */
const spaceToDepth: Upgrade = (g, node) => {
  const { dims, block } = blocksOf(g, node);
  const [n, c, h, w] = dims;
  const cut = g.reshape(node.inputs[0], [n, c, h / block, block, w / block, block]);
  const turned = g.transpose(cut, [0, 3, 5, 1, 2, 4]);
  finish(g, node, { op: 'Reshape', inputs: [turned, g.ints([n, c * block ** 2, h / block, w / block])] });
};

export const LAYER_UPGRADES: Readonly<Record<string, Upgrade>> = {
  ...MATRIX_UPGRADES,
  ...NORMALISATION_UPGRADES,
  ...WINDOW_UPGRADES,
  DepthToSpace: depthToSpace,
  Resize: resize,
  SpaceToDepth: spaceToDepth,
  Upsample: upsample,
};
