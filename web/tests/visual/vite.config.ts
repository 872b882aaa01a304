import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { layerOrder } from '../../build/layer-order';

/** The screens over a scripted core, built into a folder of its own; never part of the app. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), layerOrder()],
  publicDir: '../../public',
  define: { __VERSION__: JSON.stringify('0.1.0') },
  worker: { format: 'es' },
  build: { outDir: '../../test-results/visual', emptyOutDir: true, target: 'es2023', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
});
