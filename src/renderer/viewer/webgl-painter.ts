/**
 * Draws mask planes on the graphics card: labels as R8UI textures, colours, outline and opacity in the shader, so that a
 * change of looks touches no tile. The twin of `canvas-painter.ts`; when the card is lost, `painters.ts` goes over to that.
 */
import type { Rect } from '../../core/geometry.ts';
import { MASK_TILE_PX } from '../../core/label.ts';
import { type Affine, scaleOf } from './affine.ts';
import {
  fitCanvas,
  OUTLINE_MIN_OPACITY,
  OUTLINE_PX,
  type Painter,
  type PlacedPlane,
  type PlaneLabels,
  type Screen,
} from './painter.ts';
import { type Look, makePalette } from './palette.ts';
import { FRAGMENT_SHADER, VERTEX_SHADER } from './webgl-shaders.ts';

interface PlaneTextures {
  human: WebGLTexture | null;
  predicted: WebGLTexture | null;
  usedAt: number;
}

const MAX_PLANES = 128;
const UNITS = { human: 0, predicted: 1, palette: 2 } as const;
const UNIFORMS = ['toClip', 'human', 'predicted', 'palette', 'has', 'reach', 'opacity'] as const;
type Uniforms = Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;

/** Null where WebGL2 is not to be had. `onLost` is called once when the context is taken away. */
export function createWebglPainter(onLost: () => void): Painter | null {
  const canvas = document.createElement('canvas');
  const gl = canvas.getContext('webgl2', { alpha: true, antialias: false, depth: false, premultipliedAlpha: true });
  const program = gl && linkProgram(gl);
  if (!gl || !program) return null;
  canvas.addEventListener('webglcontextlost', onLost, { once: true });
  return new WebglPainter(canvas, gl, program);
}

class WebglPainter implements Painter {
  readonly kind = 'webgl2';
  readonly canvas: HTMLCanvasElement;
  private readonly gl: WebGL2RenderingContext;
  private readonly uniforms: Uniforms;
  private readonly planes = new Map<string, PlaneTextures>();
  private readonly palette: WebGLTexture | null;
  private look: Look | null = null;
  private clock = 0;

  constructor(canvas: HTMLCanvasElement, gl: WebGL2RenderingContext, program: WebGLProgram) {
    this.canvas = canvas;
    this.gl = gl;
    const locations = UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]);
    this.uniforms = Object.fromEntries(locations) as Uniforms;
    // biome-ignore lint/correctness/useHookAtTopLevel: WebGL's useProgram is no React hook
    gl.useProgram(program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    const edge = MASK_TILE_PX;
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([0, 0, edge, 0, 0, edge, edge, edge]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(program, 'corner');
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(this.uniforms[name as keyof typeof UNITS], unit);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.palette = newTexture(gl, UNITS.palette);
  }

  setLook(look: Look): void {
    this.look = look;
    const { gl } = this;
    const { human, predicted } = makePalette(look);
    const bytes = new Uint8Array(2 * 256 * 4);
    bytes.set(new Uint8Array(human.buffer), 0);
    bytes.set(new Uint8Array(predicted.buffer), 256 * 4);
    gl.activeTexture(gl.TEXTURE0 + UNITS.palette);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 2, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  }

  holds(key: string): boolean {
    return this.planes.has(key);
  }

  upload(key: string, labels: PlaneLabels, changed: Rect | null): void {
    const known = this.planes.get(key);
    const plane = known ?? { human: null, predicted: null, usedAt: this.clock };
    this.planes.set(key, plane);
    plane.human = this.uploadLayer(plane.human, labels.human, changed);
    plane.predicted = this.uploadLayer(plane.predicted, labels.predicted, changed);
  }

  draw(map: Affine, screen: Screen, planes: readonly PlacedPlane[]): void {
    const { gl, look } = this;
    this.clock++;
    fitCanvas(this.canvas, screen);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (look === null) return;
    gl.uniform1f(this.uniforms.opacity, look.fill ? look.opacity : Math.max(OUTLINE_MIN_OPACITY, look.opacity));
    for (const placed of planes) {
      const plane = this.planes.get(placed.key);
      if (plane === undefined) continue;
      plane.usedAt = this.clock;
      if (plane.human !== null || plane.predicted !== null) this.drawPlane(plane, placed, map, screen);
    }
    this.forgetOld();
  }

  forget(): void {
    for (const key of [...this.planes.keys()]) this.drop(key);
  }

  dispose(): void {
    this.forget();
    this.gl.deleteTexture(this.palette);
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  private drawPlane(plane: PlaneTextures, placed: PlacedPlane, map: Affine, screen: Screen): void {
    const { gl, uniforms } = this;
    const step = placed.edgePx / MASK_TILE_PX;
    const reach = this.look?.fill ? 0 : OUTLINE_PX / (scaleOf(map) * step);
    gl.uniform1f(uniforms.reach, reach);
    gl.uniform2i(uniforms.has, plane.human === null ? 0 : 1, plane.predicted === null ? 0 : 1);
    gl.uniformMatrix3fv(uniforms.toClip, false, clipMatrix(map, placed, screen));
    gl.activeTexture(gl.TEXTURE0 + UNITS.human);
    gl.bindTexture(gl.TEXTURE_2D, plane.human);
    gl.activeTexture(gl.TEXTURE0 + UNITS.predicted);
    gl.bindTexture(gl.TEXTURE_2D, plane.predicted);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  private uploadLayer(
    known: WebGLTexture | null,
    labels: Uint8Array | null,
    changed: Rect | null,
  ): WebGLTexture | null {
    const { gl } = this;
    if (labels === null) {
      gl.deleteTexture(known);
      return null;
    }
    gl.activeTexture(gl.TEXTURE0 + UNITS.human);
    const edge = MASK_TILE_PX;
    if (known === null) {
      const texture = newTexture(gl, UNITS.human);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, edge, edge, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, labels);
      return texture;
    }
    gl.bindTexture(gl.TEXTURE_2D, known);
    const { x, y, width, height } = changed ?? { x: 0, y: 0, width: edge, height: edge };
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, edge);
    gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, x);
    gl.pixelStorei(gl.UNPACK_SKIP_ROWS, y);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, x, y, width, height, gl.RED_INTEGER, gl.UNSIGNED_BYTE, labels);
    for (const setting of [gl.UNPACK_ROW_LENGTH, gl.UNPACK_SKIP_PIXELS, gl.UNPACK_SKIP_ROWS])
      gl.pixelStorei(setting, 0);
    return known;
  }

  private drop(key: string): void {
    const plane = this.planes.get(key);
    this.gl.deleteTexture(plane?.human ?? null);
    this.gl.deleteTexture(plane?.predicted ?? null);
    this.planes.delete(key);
  }

  private forgetOld(): void {
    if (this.planes.size <= MAX_PLANES) return;
    const oldest = [...this.planes].filter(([, plane]) => plane.usedAt < this.clock);
    oldest.sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key] of oldest.slice(0, this.planes.size - MAX_PLANES)) this.drop(key);
  }
}

/** From plane pixels to clip space, column by column. */
function clipMatrix(map: Affine, plane: PlacedPlane, { width, height }: Screen): Float32Array {
  const step = plane.edgePx / MASK_TILE_PX;
  const e = map.a * plane.x + map.c * plane.y + map.e;
  const f = map.b * plane.x + map.d * plane.y + map.f;
  const sx = 2 / width;
  const sy = -2 / height;
  return new Float32Array([
    map.a * step * sx,
    map.b * step * sy,
    0,
    map.c * step * sx,
    map.d * step * sy,
    0,
    e * sx - 1,
    f * sy + 1,
    1,
  ]);
}

function newTexture(gl: WebGL2RenderingContext, unit: number): WebGLTexture | null {
  const texture = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
    gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
  return texture;
}

function linkProgram(gl: WebGL2RenderingContext): WebGLProgram | null {
  const program = gl.createProgram();
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, VERTEX_SHADER],
    [gl.FRAGMENT_SHADER, FRAGMENT_SHADER],
  ] as const) {
    const shader = gl.createShader(kind);
    if (shader === null) return null;
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
