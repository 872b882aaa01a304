import { expect } from '@playwright/test';
import { test } from './served';

test('a worker starts through the policy, answers, and its death rejects what was pending', async ({ page, address, violations }) => {
  await page.goto(`${address}/?worker`);
  await page.getByRole('link', { name: /Bob/ }).waitFor();

  const code = await page.evaluate(async () => {
    const failure = (call: Promise<unknown> | undefined) => call?.then(() => 'answered', (error: { code: string }) => error.code);
    return failure(window.workerCore?.call('wake', {}));
  });

  expect(code).toBe('coreDied');
  await expect(page.getByText('Sotto restarted itself')).toBeVisible();
  await expect(page.getByRole('link', { name: /Bob/ })).toBeVisible();
  expect(violations).toEqual([]);
});

test('no other policy can be made, and no foreign script becomes a worker', async ({ page, address }) => {
  await page.goto(`${address}/?worker`);
  await page.getByRole('link', { name: /Bob/ }).waitFor();

  const refused = await page.evaluate(() => {
    const attempts = [() => window.trustedTypes?.createPolicy('other', { createScriptURL: (url) => url }), () => new Worker('/assets/x.js'), () => { document.body.innerHTML = '<b>x</b>'; }];
    return attempts.map((attempt) => {
      try {
        attempt();
        return 'allowed';
      } catch (error) {
        return (error as Error).name;
      }
    });
  });

  expect(refused).toEqual(['TypeError', 'TypeError', 'TypeError']);
});
