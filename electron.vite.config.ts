import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

const at = (path: string) => resolve(import.meta.dirname, path);

/** Three bundles: main (with its shells and child processes), preload, and the window. */
export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      rollupOptions: {
        input: {
          index: at('src/main/index.ts'),
          serve: at('src/main/serve.ts'),
          cli: at('src/main/cli.ts'),
          'engine-child': at('src/main/engine/engine-child.ts'),
          'store-worker': at('src/main/store/store-worker.ts'),
          'draw-worker': at('src/main/slide/draw-worker.ts'),
        },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      rollupOptions: {
        input: { index: at('src/preload/index.ts') },
        /** A sandboxed preload is not a module. */
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('src/renderer'),
    plugins: [react()],
    build: {
      chunkSizeWarningLimit: 1500,
      outDir: at('out/renderer'),
      minify: true,
      rollupOptions: { input: at('src/renderer/index.html') },
    },
  },
});
