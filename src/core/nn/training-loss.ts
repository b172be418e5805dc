/** From the network's answers to one loss: each head with its own truth, added up. */
import { HistoloopError } from '../errors.ts';
import type { GraphBuilder } from './builder.ts';
import { totalLoss } from './loss-terms.ts';
import type { Head } from './training-heads.ts';
import { addHeadInputs } from './training-inputs.ts';
import type { TrainingProgram } from './training-options.ts';
import type { Plan } from './training-plan.ts';

export interface Losing {
  readonly loss: string;
  /** The main head's first. */
  readonly heads: TrainingProgram['heads'];
}

/** `answers` are the values of `plan.heads`, in their order. */
export function addLoss(plan: Plan, answers: readonly string[]): Losing {
  const { g } = plan;
  let foreground: string | null = null;
  const parts = plan.heads.map((head, i) => {
    const answer = answers[i];
    checkAnswer(plan, head, i === 0, g.dims(answer));
    const { target, weight, target32 } = addHeadInputs(plan, head, answer);
    const scores = head.kind === 'classes' ? asTwoClasses(g, answer) : answer;
    const loss = totalLoss(g, head.loss, scores, { target: target32, weight: weight.name, foreground });
    if (i === 0 && head.kind === 'classes') foreground = isClass(g, target32);
    return { loss, head: { output: head.output, target, weight, classes: g.dims(scores)[1] } };
  });
  return { loss: parts.map(({ loss }) => loss).reduce((a, b) => g.add(a, b)), heads: parts.map(({ head }) => head) };
}

/** 1 where a target is a class other than the first, the background. */
function isClass(g: GraphBuilder, target: string): string {
  const zero = g.constant({ type: 'int32', dims: [], data: Int32Array.of(0) });
  return g.op('Cast', [g.op('Greater', [target, zero])], { to: 1 });
}

function checkAnswer({ options }: Plan, head: Head, main: boolean, dims: readonly number[]): void {
  const { batch, heightPx, widthPx } = options;
  const fits = dims.length === 4 && dims[0] === batch;
  if (fits && (!main || (dims[2] === heightPx && dims[3] === widthPx))) return;
  throw new HistoloopError(
    'model-unusable',
    main
      ? `the network answers with ${dims.join('×')} where a class score per pixel, ${batch}×K×${heightPx}×${widthPx}, is needed; use a network that upsamples to the size of its input`
      : `the network's output '${head.output}' is ${dims.join('×')}, which is no picture of ${batch} tiles; leave this head out`,
  );
}

/** One logit (sigmoid) is the same as two with the first fixed at 0 (softmax). */
function asTwoClasses(g: GraphBuilder, logits: string): string {
  const dims = g.dims(logits);
  return dims[1] === 1 ? g.concat([g.filled(dims, 0), logits], 1) : logits;
}
