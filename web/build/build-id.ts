import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import type { Plugin } from 'vite';

/**
 * Writes `build.json`: the build's id is SHA-256 over the sorted list of [path, sha256] of every
 * file that is served, so that anybody can recompute it from the files alone.
 */
export function buildId(version: string): Plugin {
  let outDir = '';
  return {
    name: 'sotto-build-id',
    apply: 'build',
    configResolved: (config) => {
      outDir = join(config.root, config.build.outDir);
    },
    closeBundle: () => {
      // Called after a failed build too, whose own error is the one to tell.
      if (!existsSync(join(outDir, 'index.html'))) return;
      const files = listFiles(outDir)
        .filter((path) => path !== 'build.json')
        .map((path): [string, string] => [path, sha256(readFileSync(join(outDir, path)))]);
      const build = sha256(JSON.stringify(files));
      writeFileSync(join(outDir, 'build.json'), `${JSON.stringify({ version, build, files }, null, 1)}\n`);
    },
  };
}

function listFiles(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join(posix.sep))
    .sort();
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
