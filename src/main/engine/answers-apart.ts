/** Two small questions to a project model, answered by running it on noise. Child only. */
import { type InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { ImageLayout } from '../../core/nn/image-layout.ts';
import { sizeOf } from '../../core/nn/tensor.ts';
import type { ModelInspection } from './engine-facts.ts';
import { noise } from './noise.ts';
import { openRuntime } from './runtime.ts';

const SIDE_PX = 256;

/** Whether a batch of two is answered as each picture alone. Any failure is a no. */
export async function answersApart(
  bytes: Uint8Array,
  names: { inputName: string; outputName: string },
  { image, threads }: { image: ImageLayout; threads: number },
): Promise<boolean> {
  const sides = [image.heightPx ?? SIDE_PX, image.widthPx ?? SIDE_PX] as const;
  try {
    return await withSession(bytes, threads, async (session) => {
      const pair = noise([2, 3, ...sides]);
      const together = await answer(session, names, pair, [2, 3, ...sides]);
      const half = pair.length / 2;
      const alone = [0, 1].map((i) => pair.slice(i * half, (i + 1) * half));
      const [first, second] = [
        await answer(session, names, alone[0]!, [1, 3, ...sides]),
        await answer(session, names, alone[1]!, [1, 3, ...sides]),
      ];
      if (first.length + second.length !== together.length) return false;
      return close(together.subarray(0, first.length), first) && close(together.subarray(first.length), second);
    });
  } catch {
    return false;
  }
}

/** Whether two different pictures get exactly the same answer. */
export async function sameAnswer(bytes: Uint8Array, project: ModelInspection, threads: number): Promise<boolean> {
  const { fixedSize, fixedBatch, sizeMultiple } = project;
  const free = Math.max(1, Math.round(64 / sizeMultiple)) * sizeMultiple;
  const dims = [fixedBatch ?? 1, 3, fixedSize?.heightPx ?? free, fixedSize?.widthPx ?? free];
  return withSession(bytes, threads, async (session) => {
    const one = await answer(session, project, noise(dims), dims);
    // Dark against bright: noise alone may leave a saturated network unmoved.
    const other = await answer(session, project, new Float32Array(sizeOf(dims)).fill(0.9), dims);
    return one.every((value, i) => value === other[i]);
  });
}

async function withSession<T>(bytes: Uint8Array, threads: number, use: (session: InferenceSession) => Promise<T>) {
  const session = await openRuntime(bytes, { provider: 'cpu', threads }, { purpose: 'inference' });
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

async function answer(
  session: InferenceSession,
  { inputName, outputName }: { inputName: string; outputName: string },
  pixels: Float32Array,
  dims: readonly number[],
): Promise<Float32Array> {
  const outputs = await session.run({ [inputName]: new RuntimeTensor('float32', pixels, dims) });
  return outputs[outputName]!.data as Float32Array;
}

function close(a: Float32Array, b: Float32Array): boolean {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return a.every((value, i) => Math.abs(value - b[i]!) <= 1e-3 * largest);
}
