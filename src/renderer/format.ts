/** Numbers, sizes and times as people read them. Pure; English conventions through Intl. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export function formatCount(value: number): string {
  return whole.format(value);
}

export function formatNumber(value: number): string {
  return three.format(value);
}

export function formatDice(value: number): string {
  return value.toFixed(3);
}

/** A length of level-0 pixels: micrometres or millimetres where the pixel size is known, pixels otherwise. */
export function formatLength(px: number, pixelSizeUm: number | null): string {
  if (pixelSizeUm === null) return `${px < 10 ? three.format(px) : whole.format(px)} px`;
  const um = px * pixelSizeUm;
  return um >= 1000 ? `${three.format(um / 1000)} mm` : `${three.format(um)} µm`;
}

/** `45 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total} s`;
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes} min ${String(total % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** `14:05` for today, `20 Nov, 14:05` before. */
export function formatWhen(iso: string, now: Date = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return '';
  const time = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}, ${time}`;
}

/** A round length (1, 2 or 5 times a power of ten) of at most `maxPx` screen pixels, in level-0 pixels. */
export function roundLength(maxPx: number, zoom: number, pixelSizeUm: number | null): number {
  const unit = pixelSizeUm ?? 1;
  const longest = (maxPx / zoom) * unit;
  const power = 10 ** Math.floor(Math.log10(longest));
  const factor = [5, 2, 1].find((candidate) => candidate * power <= longest) ?? 1;
  return (factor * power) / unit;
}
