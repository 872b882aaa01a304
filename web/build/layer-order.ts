import type { Plugin } from 'vite';

const order = '@layer tokens, base, parts, screens;';

/**
 * Puts the order of the cascade layers in front of every style sheet. Said in a source file only, it
 * would stand wherever the bundler puts that file, and layers are ordered by who is named first.
 */
export function layerOrder(): Plugin {
  return {
    name: 'sotto-layer-order',
    apply: 'build',
    enforce: 'post',
    generateBundle: (_options, bundle) => {
      for (const file of Object.values(bundle)) {
        if (file.type === 'asset' && file.fileName.endsWith('.css')) file.source = `${order}${file.source.toString()}`;
      }
    },
  };
}
