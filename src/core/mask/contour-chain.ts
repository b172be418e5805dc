/**
 * Pieces of a boundary that is still being traced. A chain grows at both ends and is joined to others; it knows nothing
 * of pixels. A vertex is one whole number: y × stride + x.
 */

export interface Chain<Owner> {
  /** Vertices before the first of `back`, nearest last, so that growing at the start is a push. */
  readonly front: number[];
  readonly back: number[];
  readonly owner: Owner;
  /** True where the boundary passes a corner at which two diagonal pixels meet, so a vertex may be visited twice. */
  pinched: boolean;
  /** The chain that took this one in; ends that still point here are led there. */
  into: Chain<Owner> | null;
}

export function newChain<Owner>(vertex: number, owner: Owner): Chain<Owner> {
  return { front: [], back: [vertex], owner, pinched: false, into: null };
}

/** The living chain that a remembered end belongs to now. */
export function livingChain<Owner>(chain: Chain<Owner>): Chain<Owner> {
  let living = chain;
  while (living.into !== null) living = living.into;
  for (let step = chain; step.into !== null; ) {
    const next = step.into;
    step.into = living;
    step = next;
  }
  return living;
}

/** All vertices in walking order. */
export function chainVertices<Owner>(chain: Chain<Owner>): number[] {
  return chain.front.toReversed().concat(chain.back);
}

/**
 * Leads the end of `head` through `vertex` to the start of `tail`. Answers the closed chain where both are one, else null.
 * The shorter is copied into the longer, so tracing n vertices costs at most n log n.
 */
export function joinChains<Owner>(head: Chain<Owner>, vertex: number, tail: Chain<Owner>): Chain<Owner> | null {
  const first = livingChain(head);
  const last = livingChain(tail);
  first.back.push(vertex);
  if (first === last) return first;
  const pinched = first.pinched || last.pinched;
  if (first.front.length + first.back.length >= last.front.length + last.back.length) {
    for (let i = last.front.length - 1; i >= 0; i--) first.back.push(last.front[i]!);
    for (let i = 0; i < last.back.length; i++) first.back.push(last.back[i]!);
    absorb(first, last, pinched);
  } else {
    for (let i = first.back.length - 1; i >= 0; i--) last.front.push(first.back[i]!);
    for (let i = 0; i < first.front.length; i++) last.front.push(first.front[i]!);
    absorb(last, first, pinched);
  }
  return null;
}

function absorb<Owner>(winner: Chain<Owner>, loser: Chain<Owner>, pinched: boolean): void {
  winner.pinched = pinched;
  loser.into = winner;
  loser.front.length = 0;
  loser.back.length = 0;
}
