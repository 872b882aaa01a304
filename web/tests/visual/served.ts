import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { test as base } from '@playwright/test';
import { build } from 'vite';
import { cspFor } from '../../build/csp';

const types: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.woff': 'font/woff' };
const root = join(import.meta.dirname, '../../test-results/visual');

/** Headers as the relay sends them (web.md §1). */
const headers = {
  'Content-Security-Policy': cspFor({ nonce: null }),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

type Worker = { address: string };
type Test = { violations: string[] };

/** Serves the visual build under the relay's policy; collects every violation and error of a page. */
export const test = base.extend<Test, Worker>({
  address: [
    async ({}, use) => {
      // Again in a worker that takes the place of a failed one: which it is can't be told by its index.
      await build({ configFile: join(import.meta.dirname, 'vite.config.ts'), logLevel: 'error' });
      const server = createServer((request, response) => {
        const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname);
        const file = join(root, path);
        const found = existsSync(file) && statSync(file).isFile() ? file : extname(path) === '' ? join(root, 'index.html') : null;
        if (!found) return response.writeHead(404, headers).end();
        response.writeHead(200, { ...headers, 'Content-Type': types[extname(found)] ?? 'application/octet-stream' });
        createReadStream(found).pipe(response);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      await use(`http://localhost:${(server.address() as AddressInfo).port}`);
      server.close();
    },
    { scope: 'worker' },
  ],
  violations: [
    async ({ page }, use) => {
      const found: string[] = [];
      page.on('console', (line) => line.type() === 'error' && !line.text().includes('/build.json') && !line.text().includes('404') && found.push(line.text()));
      page.on('pageerror', (error) => found.push(String(error)));
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', (event) => console.error(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
      });
      await use(found);
    },
    { auto: true },
  ],
});
