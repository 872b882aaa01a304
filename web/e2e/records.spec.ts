import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

/** How soon a change in one browser of a person shows in the other, on a machine that does nothing else. */
const SOON = { timeout: 1000 };
const PICTURES = 'test-results/screens';

story('what one browser of a person knows shows in the other within a second', async ({ relay, person }) => {
  const first = await person();
  const peer = await person();
  await steps.twoTalking({ first, second: peer, relay });
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await steps.openChat(second, ben);
  const heading = second.page.getByRole('heading', { level: 1 });
  await expect(heading.getByRole('img', { name: text.verified })).toHaveCount(0);

  // "They match", in one browser.
  await steps.compare(first);
  await steps.sayTheyMatch(first);
  await expect(heading.getByRole('img', { name: text.verified })).toBeVisible(SOON);

  // A choice, in the other one.
  await second.page.goto(`${relay.origin}/settings/appearance`);
  await expect(second.page.getByRole('radio', { name: text.appearance.dark })).toBeVisible(PATIENT);
  await expect(second.page.getByText(text.connection.connecting)).toHaveCount(0);
  await second.page.getByRole('radio', { name: text.appearance.dark }).check();
  await expect(first.page.locator('html')).toHaveAttribute('data-appearance', 'dark', SOON);
  await second.page.screenshot({ path: `${PICTURES}/appearance-night.png` });

  // Taken back where it is dark now.
  await second.page.goto(relay.origin);
  await steps.openChat(second, ben);
  await expect(heading.getByRole('img', { name: text.verified })).toBeVisible();
  await first.page.getByRole('button', { name: text.contact.withdraw }).click();
  await first.page.getByRole('dialog').getByRole('button', { name: text.contact.withdrawAction }).click();
  await expect(heading.getByRole('img', { name: text.verified })).toHaveCount(0, SOON);
});

story('a third browser comes up with everything the others know', async ({ relay, person }) => {
  const first = await person();
  const peer = await person();
  await steps.twoTalking({ first, second: peer, relay });
  await steps.verify(first, peer);
  await first.page.goto(`${relay.origin}/settings/appearance`);
  await first.page.getByRole('radio', { name: text.appearance.light }).check();

  const other = await person();
  await steps.fillLogIn(other, relay, ada);
  await steps.openChat(other, ben);

  await expect(other.page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified })).toBeVisible();
  await expect(other.page.locator('html')).toHaveAttribute('data-appearance', 'light', PATIENT);
});
