/** The two programs that colour a mask plane on the graphics card. Labels stay labels: the palette is looked up per pixel. */

export const VERTEX_SHADER = `#version 300 es
uniform mat3 toClip;
in vec2 corner;
out vec2 at;
void main() {
  at = corner;
  gl_Position = vec4((toClip * vec3(corner, 1.0)).xy, 0.0, 1.0);
}`;

/**
 * `at` runs over the plane in its pixels, 0…512. Row 0 of the palette colours a person's bytes, row 1 a model's.
 * `reach` is the outline's width in plane pixels, 0 to fill.
 */
export const FRAGMENT_SHADER = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D human;
uniform usampler2D predicted;
uniform sampler2D palette;
uniform ivec2 has;
uniform float reach;
uniform float opacity;
in vec2 at;
out vec4 color;

uvec2 bytesAt(vec2 p) {
  ivec2 q = clamp(ivec2(floor(p)), ivec2(0), ivec2(511));
  uint h = has.x == 1 ? texelFetch(human, q, 0).r : 0u;
  uint m = has.y == 1 ? texelFetch(predicted, q, 0).r : 0u;
  return uvec2(h, m);
}

uint classAt(vec2 p) {
  uvec2 b = bytesAt(p);
  if (b.x == 129u) return 0u;
  return b.x != 0u ? (b.x & 127u) : (b.y == 1u ? 0u : b.y);
}

void main() {
  uvec2 own = bytesAt(at);
  vec4 c = own.x != 0u
    ? texelFetch(palette, ivec2(int(own.x), 0), 0)
    : texelFetch(palette, ivec2(int(own.y), 1), 0);
  if (reach > 0.0) {
    uint k = classAt(at);
    float d = reach * 0.7071;
    bool inside = classAt(at + vec2(reach, 0.0)) == k && classAt(at - vec2(reach, 0.0)) == k
      && classAt(at + vec2(0.0, reach)) == k && classAt(at - vec2(0.0, reach)) == k
      && classAt(at + vec2(d, d)) == k && classAt(at - vec2(d, d)) == k
      && classAt(at + vec2(d, -d)) == k && classAt(at - vec2(d, -d)) == k;
    if (inside) c.a = 0.0;
  }
  float a = c.a * opacity;
  color = vec4(c.rgb * a, a);
}`;
