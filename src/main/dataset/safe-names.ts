/** File names that are legal on every system and lead nowhere else, made from names that people or strangers gave. */

/** Names that Windows keeps for devices, with or without an extension. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
const MAX_BYTES = 100;

/** Letters, digits, `.`, `_` and `-` of any script stay; everything else becomes `_`. Never empty, never hidden. */
export function safeName(name: string): string {
  let safe = '';
  for (const char of name.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')) {
    if (Buffer.byteLength(safe + char) > MAX_BYTES) break;
    safe += char;
  }
  safe = safe.replace(/^[._]+/, '').replace(/[._]+$/, '');
  if (safe === '') return 'slide';
  return RESERVED.test(safe) ? `_${safe}` : safe;
}

/** One safe name each, all different, also where case does not count. */
export function distinctNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const safe = safeName(name);
    let candidate = safe;
    for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${safe}-${n}`;
    taken.add(candidate.toLowerCase());
    return candidate;
  });
}
