/**
 * Which values of the graph lie in the blocked layout, and the way there and back. A picture [N,C,H,W] in blocks of B is
 * held as [N,C/B,H,W,B] under its own shape; only pictures whose channels are a multiple of B are ever blocked. A value is
 * written in a layout when somebody first asks for it there.
 */

import { emitConvolution, type WaitingConvolution } from './blocked-conv.ts';
import type { BlockedDraft } from './blocked-draft.ts';
import { BLOCKED_DOMAIN } from './blocked-draft.ts';

interface Held {
  /** Name in the blocked layout, once it has been written. */
  blocked?: string;
  /** Whether it has been written in the plain layout, under its own name. */
  plain?: boolean;
  /** A convolution that waits for what may be fused with it. */
  readonly waiting?: WaitingConvolution;
  /** Values whose channels joined are this one's. */
  readonly parts?: readonly string[];
  /** The value that this one repeats, two by two pixels for each. */
  readonly half?: string;
}

export class BlockedValues {
  readonly draft: BlockedDraft;
  /** Channels per block. */
  readonly block: number;
  /** Values that were written out of turn, so that their nodes are to be left out. */
  readonly settled = new Set<string>();
  private readonly held = new Map<string, Held>();

  constructor(draft: BlockedDraft, block: number) {
    this.draft = draft;
    this.block = block;
  }

  /** Whether the value could be blocked: a picture of whole blocks. */
  fits(name: string): boolean {
    const value = this.draft.values.get(name);
    return value?.dims.length === 4 && value.dims[1] % this.block === 0 && value.dims[1] > 0;
  }

  /** Whether the value is blocked already, or will be for nothing. */
  isBlocked(name: string): boolean {
    return this.held.has(name) && this.fits(name);
  }

  waitingAt(name: string): WaitingConvolution | undefined {
    const held = this.held.get(name);
    return held?.blocked === undefined ? held?.waiting : undefined;
  }

  /** The values that this one joins; itself where it joins none. */
  partsOf(name: string): readonly string[] {
    return this.held.get(name)?.parts?.flatMap((part) => this.partsOf(part)) ?? [name];
  }

  wait(name: string, waiting: WaitingConvolution): void {
    this.held.set(name, { waiting });
  }

  join(name: string, parts: readonly string[]): void {
    this.held.set(name, { parts });
  }

  /** The value that this one doubles, pixel by pixel; undefined where it is none such. */
  halfOf(name: string): string | undefined {
    return this.held.get(name)?.half;
  }

  double(name: string, half: string): void {
    this.held.set(name, { half });
  }

  set(name: string, blocked: string): void {
    this.held.set(name, { ...this.held.get(name), blocked });
  }

  /** Name of the value in the blocked layout; written where it was not yet. */
  blocked(name: string): string {
    const held = this.held.get(name) ?? { plain: true };
    this.held.set(name, held);
    held.blocked ??= this.write(name, held);
    return held.blocked;
  }

  private write(name: string, { waiting, parts, half }: Held): string {
    if (waiting) return emitConvolution(this, waiting);
    const dims = this.draft.dims(name);
    if (parts) {
      const inputs = parts.map((part) => this.blocked(part));
      return this.draft.add({ op: 'Concat', inputs, dims, attributes: { axis: 1 } });
    }
    if (half !== undefined) {
      const attributes = { scales: [1, 1, 2, 2], mode: 'nearest' };
      return this.draft.add({ op: 'Upsample', domain: BLOCKED_DOMAIN, inputs: [this.blocked(half)], dims, attributes });
    }
    return this.draft.add({ op: 'ReorderInput', domain: BLOCKED_DOMAIN, inputs: [name], dims });
  }

  /** Name of the value in the plain layout, its own; written where it was not yet. */
  plain(name: string): string {
    const held = this.held.get(name);
    if (held === undefined || held.plain) return name;
    held.plain = true;
    const dims = this.draft.dims(name);
    const inputs = [this.blocked(name)];
    this.draft.add({
      op: 'ReorderOutput',
      domain: BLOCKED_DOMAIN,
      inputs,
      dims,
      attributes: { channels: dims[1] },
      result: name,
    });
    return name;
  }
}
