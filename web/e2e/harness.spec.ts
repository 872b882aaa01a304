import { expect, test } from '@playwright/test';
import { findCanaries } from './harness/canaries';
import { Person } from './harness/person';
import { plantable, plantedIn } from './harness/plant';
import { unmask } from './harness/wire';

// The harness itself: a check that can't fail would let everything through.

const canary = 'canary-9f2c-ä-the-lighthouse';

test('a canary is found in every encoding, and nothing else is', () => {
  const trace = { name: 'trace', bytes: Buffer.from('what lies before, and what lies behind') };
  for (const planted of plantable(canary)) {
    const { encoding } = planted;
    const found = findCanaries([canary, 'canary-of-another-text'], [plantedIn(trace, [planted])]);
    const wanted = encoding === 'gzip' ? { encoding: 'raw', where: 'trace, gzip at 20' } : { encoding, where: 'trace' };

    expect(found, encoding).toContainEqual({ canary, ...wanted });
    expect(found.filter((one) => one.canary !== canary), encoding).toEqual([]);
  }
  expect(findCanaries([canary], [{ name: 'other', bytes: Buffer.from('canary-1111') }])).toEqual([]);
});

test('a canary at the very end of a trace is found, and a part of one is not', () => {
  const bytes = Buffer.from(canary);

  expect(findCanaries([canary], [{ name: 'end', bytes: Buffer.concat([bytes.subarray(0, 9), bytes]) }])).toHaveLength(1);
  expect(findCanaries([canary], [{ name: 'part', bytes: bytes.subarray(0, -1) }])).toEqual([]);
});

test('what a browser masked is read as the relay reads it', () => {
  const header = 'GET /v1/socket HTTP/1.1\r\nUpgrade: websocket\r\n\r\n';
  const mask = Buffer.from([7, 77, 177, 17]);
  const body = Buffer.from(canary.repeat(8)).map((byte, index) => byte ^ mask.readUInt8(index % 4));
  const frame = Buffer.concat([Buffer.from([0x82, 0xfe, body.length >> 8, body.length & 0xff]), mask, body]);

  const spoken = unmask(Buffer.concat([Buffer.from(header), frame, frame]));

  expect(spoken.toString()).toBe(header + canary.repeat(16));
});

test('a broken policy is noticed, in a page and in its worker', async ({ browser }) => {
  const person = await Person.open(browser);
  const policy = "default-src 'none'; script-src 'self'; worker-src 'self'; require-trusted-types-for 'script'; trusted-types app-url";
  const script = `
    const policy = trustedTypes.createPolicy('app-url', { createScriptURL: (url) => url });
    new Worker(policy.createScriptURL('/worker.js')).onmessage = () => { document.title = 'done'; };
    try { document.body.innerHTML = '<b>no</b>'; } catch {}`;
  const files: Record<string, [string, string]> = {
    '/': ['text/html', '<!doctype html><body><script src="/page.js"></script>'],
    '/page.js': ['text/javascript', script],
    '/worker.js': ['text/javascript', 'try { eval("1") } catch {} postMessage(0)'],
  };
  await person.context.route('http://localhost/**', (route) => {
    const [contentType, body] = files[new URL(route.request().url()).pathname] ?? ['text/plain', ''];
    return route.fulfill({ contentType, body, headers: { 'content-security-policy': policy } });
  });

  await person.page.goto('http://localhost/');

  await expect(person.page).toHaveTitle('done');
  await expect.poll(() => person.faults.filter((fault) => fault.startsWith('security:')).length).toBeGreaterThan(0);
  await expect.poll(() => person.faults.filter((fault) => fault.startsWith('worker:')).length).toBeGreaterThan(0);
  await person.close();
});
