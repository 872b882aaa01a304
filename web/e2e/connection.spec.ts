import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

story('a network that goes away is told, and what was written meanwhile goes when it is back', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  // Chromium tells of every connection that fails while the network is away.
  first.foresee(/WebSocket connection to .* failed/);
  second.foresee(/WebSocket connection to .* failed/);
  const { page } = first;

  relay.proxy.cut();
  await expect(page.getByText(text.connection.offline)).toBeVisible(PATIENT);
  await steps.write(first, ben, 'Written in the tunnel.');
  const tick = (name: string) => steps.bubble(first, 'Written in the tunnel.').getByRole('img', { name, exact: true });
  await expect(tick(text.delivery.queued)).toBeVisible();
  await expect(page.getByText(text.connection.offlineQueued(1))).toBeVisible();

  relay.proxy.restore();

  await expect(page.getByText(text.connection.back)).toBeVisible(PATIENT);
  await expect(tick(text.delivery.sent)).toBeVisible();
  await expect(page.getByText(text.connection.offline)).toHaveCount(0);
  await expect(steps.bubble(second, 'Written in the tunnel.')).toHaveCount(1, PATIENT);
});

story('“Try now” tries at once, however far away the next try was', async ({ relay, person }) => {
  const someone = await person();
  await steps.createAccount(someone, relay, ada);
  // One for each try that failed.
  someone.foresee(/WebSocket connection to .* failed/);
  const { page } = someone;

  relay.proxy.cut();
  // Each pause is twice the last one at most: after the fifth failed try it is eight seconds at least.
  await expect.poll(() => someone.foreseenCount, PATIENT).toBeGreaterThanOrEqual(5);
  const before = someone.foreseenCount;
  await page.getByRole('button', { name: text.connection.retryNow }).click();

  // At once, and the pauses begin anew: by itself there would be one try in that time.
  await expect.poll(() => someone.foreseenCount, { timeout: 7_000 }).toBeGreaterThanOrEqual(before + 3);
  relay.proxy.restore();
  await expect(page.getByText(text.connection.offline)).toHaveCount(0, PATIENT);
});
