// Lighthouse's marks for the first page, and the time until it can be used, from a relay of its own: `node run.mjs RELAY CHROMIUM`.
// Its launcher starts a browser without a window's size, in which nothing is ever painted; so the browser is started
// here, and Lighthouse is given its port.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import lighthouse, { desktopConfig } from 'lighthouse';

const ASK_AGAIN_MS = 50;
const READY_WITHIN_MS = 20_000;
const CATEGORIES = ['performance', 'accessibility', 'best-practices'];

const [relayPath, chromiumPath] = process.argv.slice(2);
if (!relayPath || !chromiumPath) throw new Error('node run.mjs RELAY CHROMIUM');
const folder = mkdtempSync(join(tmpdir(), 'sotto-lighthouse-'));
const children = [];

try {
  const address = await startRelay();
  const port = await startBrowser();
  const views = { desktop: desktopConfig, phone: undefined };
  console.log(['', ...CATEGORIES].map((word) => word.padEnd(16)).join(''));
  for (const [view, config] of Object.entries(views)) {
    const result = await lighthouse(address, { port, onlyCategories: CATEGORIES, logLevel: 'error' }, config);
    if (!result || result.lhr.runtimeError) throw new Error(result?.lhr.runtimeError?.message ?? 'no result');
    report(view, result.lhr);
  }
} finally {
  for (const child of children) await end(child);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** A line of marks, and below it what cost some. */
function report(view, { categories, audits }) {
  const marks = CATEGORIES.map((name) => Math.round((categories[name]?.score ?? 0) * 100));
  console.log([view, ...marks].map((word) => String(word).padEnd(16)).join(''));
  // The largest paint is the welcome screen's, which comes when the core runs: from then on the page can be used.
  const { observedLargestContentfulPaint: here, largestContentfulPaint: simulated } = audits.metrics?.details?.items?.[0] ?? {};
  console.log(`  usable after ${Math.round(here)} ms from this relay, ${Math.round(simulated)} ms on Lighthouse's network and processor`);
  const weighed = CATEGORIES.flatMap((name) => categories[name]?.auditRefs ?? []).filter(({ weight }) => weight > 0);
  for (const { id } of weighed) {
    const { score, title, displayValue } = audits[id] ?? {};
    if (typeof score === 'number' && score < 1) console.log(`  ${Math.round(score * 100)}  ${title} ${displayValue ?? ''}`);
  }
}

async function startRelay() {
  const port = await freePort();
  const address = `http://localhost:${port}`;
  const relay = start(relayPath, ['serve'], {
    PATH: process.env.PATH,
    SOTTO_LISTEN: `127.0.0.1:${port}`,
    SOTTO_DATA_DIR: join(folder, 'data'),
    SOTTO_PUBLIC_URL: address,
    SOTTO_LOG: 'warn',
  });
  await until(async () => (await fetch(`${address}/v1/ready`).catch(() => null))?.ok, relay);
  return `${address}/`;
}

async function startBrowser() {
  const profile = join(folder, 'profile');
  const told = join(profile, 'DevToolsActivePort');
  const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const browser = start(chromiumPath, [...words, '--window-size=1350,940', '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'], process.env);
  await until(() => existsSync(told) && readFileSync(told, 'utf8').includes('\n'), browser);
  return Number(readFileSync(told, 'utf8').split('\n')[0]);
}

function start(program, words, env) {
  const child = spawn(program, words, { cwd: folder, env, stdio: 'ignore' });
  children.push(child);
  return child;
}

async function until(ready, child) {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await ready())) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${child.spawnfile} did not get ready`);
    await pause(ASK_AGAIN_MS);
  }
}

async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
