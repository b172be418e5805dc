/** Which runs of a label belong together, found row by row (union by area over a forest of regions). No geometry here. */
import type { Chain } from './contour-chain.ts';

/** A maximal stretch of one label in one row. */
export interface Run {
  readonly from: number;
  /** Exclusive. */
  to: number;
  readonly tallies: number[];
  /** y × stride + x of the run's first pixel. */
  readonly firstPixel: number;
  region: Region | null;
  /** The boundary whose open start lies at the lower end of the run's left edge. */
  left: Chain<Region> | null;
  /** The boundary whose open end lies at the lower end of the run's right edge. */
  right: Chain<Region> | null;
}

export interface Region {
  readonly label: number;
  areaPx: number;
  readonly tallies: number[];
  /** Topmost, then leftmost pixel: names the region for good. */
  firstPixel: number;
  /** Closed rings of vertices, outer and holes mixed. */
  readonly rings: number[][];
  into: Region | null;
}

/** The region that a remembered one has become part of. */
export function livingRegion(region: Region): Region {
  let living = region;
  while (living.into !== null) living = living.into;
  for (let step = region; step.into !== null; ) {
    const next = step.into;
    step.into = living;
    step = next;
  }
  return living;
}

function joinRegions(one: Region, other: Region): Region {
  const a = livingRegion(one);
  const b = livingRegion(other);
  if (a === b) return a;
  const [winner, loser] = a.rings.length >= b.rings.length ? [a, b] : [b, a];
  winner.areaPx += loser.areaPx;
  for (let i = 0; i < 4; i++) winner.tallies[i]! += loser.tallies[i]!;
  winner.firstPixel = Math.min(winner.firstPixel, loser.firstPixel);
  for (const ring of loser.rings) winner.rings.push(ring);
  loser.rings.length = 0;
  loser.into = winner;
  return winner;
}

/** Gives every lower run its region: that of the upper runs it shares an edge with, joined, or a new one. */
export function linkRegions(upper: readonly Run[], lower: readonly Run[], label: number): void {
  let i = 0;
  for (const run of lower) {
    let region: Region = {
      label,
      areaPx: run.to - run.from,
      tallies: [...run.tallies],
      firstPixel: run.firstPixel,
      rings: [],
      into: null,
    };
    while (i < upper.length && upper[i]!.to <= run.from) i++;
    for (let k = i; k < upper.length && upper[k]!.from < run.to; k++) region = joinRegions(upper[k]!.region!, region);
    run.region = region;
  }
}
