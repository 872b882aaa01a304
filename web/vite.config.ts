import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { buildId } from './build/build-id';
import { cspFor } from './build/csp';
import { layerOrder } from './build/layer-order';
import version from './package.json' with { type: 'json' };

// In development the page gets the real policy plus one nonce for the styles and the preamble that
// the dev server inlines; nothing else is loosened.
const devNonce = 'dev-nonce';
const relay = process.env['SOTTO_RELAY'] ?? 'http://localhost:8080';

const workerTests = ['src/core/{store,transport}.test.ts', 'src/core/worker/**/*.test.ts'];

export default defineConfig({
  plugins: [react(), layerOrder(), buildId(version.version)],
  define: { __VERSION__: JSON.stringify(version.version) },
  html: process.env['NODE_ENV'] === 'production' ? {} : { cspNonce: devNonce },
  worker: { format: 'es' },
  build: {
    outDir: 'dist',
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    headers: {
      'Content-Security-Policy': cspFor({ nonce: devNonce }),
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    },
    proxy: { '/v1': { target: relay, ws: true } },
  },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'page',
          environment: 'jsdom',
          include: ['src/**/*.test.{ts,tsx}'],
          exclude: workerTests,
          setupFiles: ['tests/setup.ts'],
          // Typing into forms is slow where several builds share two cores.
          testTimeout: 20_000,
          css: { modules: { classNameStrategy: 'non-scoped' } },
        },
      },
      // What runs in the worker has no document, and neither have its tests.
      { extends: true, test: { name: 'worker', environment: 'node', include: workerTests } },
    ],
  },
});
