/** The window's own colours, for a dark room. Every text colour has a contrast of at least 4.5 on the surfaces it is used on. */

export const surfaces = {
  page: '#0d1015',
  panel: '#12161c',
  raised: '#1a2028',
  hover: '#232a33',
  line: '#343d49',
} as const;

export const inks = {
  text: '#e6e9ee',
  soft: '#c9d0d9',
  dimmed: '#a9b3c0',
  faint: '#929dac',
  accent: '#8fc7ff',
  good: '#84d8a6',
  warn: '#f4c76b',
  bad: '#ffa3a3',
} as const;

/** Fills that carry white text. */
export const fills = { accent: '#2a66a5', accentHover: '#235489', bad: '#a83a3a' } as const;

/** A mint that stands out from purple and pink tissue, then Okabe–Ito: told apart by colour-blind eyes. */
export const CLASS_PRESETS = [
  '#2ee6a6',
  '#56b4e9',
  '#009e73',
  '#f0e442',
  '#0072b2',
  '#d55e00',
  '#cc79a7',
  '#ffffff',
  '#5b6472',
] as const;

/** WCAG 2.2 contrast ratio of two `#rrggbb` colours, 1…21. */
export function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** WCAG 2.2 relative luminance. */
function luminance(color: string): number {
  const value = Number.parseInt(color.slice(1), 16);
  const linear = [16, 8, 0].map((shift) => {
    const channel = ((value >> shift) & 255) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
}
