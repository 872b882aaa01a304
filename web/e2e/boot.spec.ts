import type { Response } from '@playwright/test';
import { text } from '../src/text/en';
import { expect, story } from './harness/story';

/** The policy as it was decided, written out again: what is compared must not come from one place. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; manifest-src 'self'; " +
  "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; " +
  "require-trusted-types-for 'script'; trusted-types app-url";

const EVERYWHERE: Record<string, string> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

story('the page boots under the strict policy and breaks it nowhere', async ({ relay, person }) => {
  const { page } = await person();
  const responses: Response[] = [];
  page.context().on('response', (response) => responses.push(response));

  await page.goto(relay.origin);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await expect.poll(() => page.workers().length).toBe(1);

  expect(await page.evaluate(() => ({ isolated: crossOriginIsolated, secure: isSecureContext }))).toEqual({
    isolated: true,
    secure: true,
  });
  const kinds = responses.map((response) => response.request().resourceType());
  expect(kinds).toEqual(expect.arrayContaining(['document', 'script', 'stylesheet', 'font']));
  for (const response of responses) {
    expect(await response.allHeaders(), response.url()).toMatchObject(EVERYWHERE);
  }
});

story('the policy stands on failures and on the interface too', async ({ relay }) => {
  for (const path of ['/assets/absent.js', '/v1/absent', '/v1/ready', '/build.json', '/c/some-chat']) {
    const response = await fetch(`${relay.origin}${path}`);
    expect(Object.fromEntries(response.headers), path).toMatchObject(EVERYWHERE);
  }
});

story('an unknown file is no page, and an unknown path is', async ({ relay }) => {
  const file = await fetch(`${relay.origin}/assets/absent.js`);
  const path = await fetch(`${relay.origin}/c/some-chat`);

  expect(file.status).toBe(404);
  expect(path.status).toBe(200);
  expect(path.headers.get('content-type')).toContain('text/html');
});

story('over plain http on another host the page says what to do and starts nothing', async ({ relay, person }) => {
  const somebody = await person();
  const { page } = somebody;
  somebody.foresee(/Cross-Origin-Opener-Policy header has been ignored/);

  await page.goto(`http://sotto.test:${relay.proxy.port}/`);

  await expect(page.getByRole('heading', { level: 1 })).toHaveText(text.insecure.title);
  expect(page.workers()).toEqual([]);
});

story('the page is back after the relay was killed and started again', async ({ relay, person }) => {
  const { page } = await person();
  await page.goto(relay.origin);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();

  await relay.kill();
  await expect(page.reload()).rejects.toThrow();
  await relay.run();

  await page.goto(relay.origin);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
});
