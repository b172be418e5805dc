/**
 * What the machine tells of the device that a provider computes on. onnxruntime itself tells nothing, so this reads what
 * Linux shows in /proc and /sys and which driver this process has loaded. Null means "not told". Child only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import type { DeviceFacts, ProviderName } from './engine-facts.ts';

/** Libraries of GPU drivers as they appear among a process's shared objects. Order: most telling first. */
const DRIVERS: readonly (readonly [RegExp, string])[] = [
  [/vk_swiftshader/i, 'SwiftShader: in software, without a graphics card'],
  [/libvulkan_lvp/i, 'Mesa lavapipe: in software, without a graphics card'],
  [/libvulkan_radeon/i, 'Mesa RADV (AMD)'],
  [/libvulkan_intel/i, 'Mesa ANV (Intel)'],
  [/libvulkan_nouveau/i, 'Mesa NVK (NVIDIA)'],
  [/amdvlk|amdxc64/i, 'AMD'],
  [/libGLX_nvidia|libnvidia|nvwgf2umx|nvoglv64|libcuda/i, 'NVIDIA'],
  [/igd\d+|igvk64/i, 'Intel'],
  [/AGXMetal/i, 'Apple Metal'],
];
const PCI_VENDORS: Readonly<Record<string, string>> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };

/** Ask after something has run on the provider: only then is its driver loaded. */
export function deviceFacts(provider: ProviderName): DeviceFacts {
  if (provider === 'cpu') return { device: `${cpuName()}, ${availableParallelism()} cores`, driver: null };
  const driver = loadedDriver();
  if (driver !== null && isSoftware(driver)) return { device: cpuName(), driver };
  const nvidia = provider === 'cuda' || driver === null || driver === 'NVIDIA' ? nvidiaCard() : null;
  const version = nvidia ? firstMatch('/proc/driver/nvidia/version', /Module\s+([\d.]+)/) : null;
  return { device: nvidia ?? pciCard(), driver: version ? `NVIDIA ${version}` : driver };
}

export function isSoftware(driver: string): boolean {
  return driver.includes('in software');
}

function cpuName(): string {
  return cpus()[0]?.model.trim() || process.arch;
}

function loadedDriver(): string | null {
  const report = process.report.getReport() as unknown as { sharedObjects?: readonly string[] };
  const libraries = report.sharedObjects ?? [];
  return DRIVERS.find(([pattern]) => libraries.some((path) => pattern.test(path)))?.[1] ?? null;
}

function nvidiaCard(): string | null {
  const root = '/proc/driver/nvidia/gpus';
  return firstOf(names(root), (card) => firstMatch(`${root}/${card}/information`, /Model:\s*(.+)/));
}

function pciCard(): string | null {
  const root = '/sys/class/drm';
  const cards = names(root).filter((name) => /^card\d+$/.test(name));
  return firstOf(cards, (card) => {
    const vendor = firstMatch(`${root}/${card}/device/vendor`, /(0x[0-9a-f]+)/);
    const device = firstMatch(`${root}/${card}/device/device`, /0x([0-9a-f]+)/);
    return vendor && device ? `${PCI_VENDORS[vendor] ?? `vendor ${vendor}`} graphics, PCI device ${device}` : null;
  });
}

function firstOf(items: readonly string[], look: (item: string) => string | null): string | null {
  for (const item of items) {
    const found = look(item);
    if (found !== null) return found;
  }
  return null;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function firstMatch(path: string, pattern: RegExp): string | null {
  try {
    return pattern.exec(readFileSync(path, 'utf8'))?.[1]?.trim() ?? null;
  } catch {
    return null;
  }
}
