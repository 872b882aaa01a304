import { text } from '../src/text/en';
import { keepFirstLists, swapIdentity } from './harness/liar';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

story('a relay that swaps the key of a verified contact is told of, and sending waits', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await steps.verify(first, second);
  const lies = await swapIdentity(first);

  // A new device of Ben's is a reason to ask the directory about him.
  const third = await person();
  await steps.fillLogIn(third, relay, ben);
  await steps.openChat(third, ada);

  const { page } = first;
  const dialog = page.getByRole('dialog', { name: text.keyChanged.title(ben.name) });
  await expect(dialog).toBeVisible(PATIENT);
  expect(lies()).toBeGreaterThan(0);
  await expect(dialog.getByText(text.keyChanged.textVerified(ben.name))).toBeVisible();
  await dialog.getByRole('button', { name: text.keyChanged.notNow }).click();
  await expect(page.getByText(text.composer.waiting(ben.name))).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified })).toHaveCount(0);

  await steps.write(first, ben, 'Not for the relay to read.');
  await expect(steps.bubble(first, 'Not for the relay to read.').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await steps.write(second, ada, 'Are you there?');
  await expect(steps.bubble(first, 'Are you there?')).toBeVisible(PATIENT);
  await expect(steps.bubble(first, 'Not for the relay to read.').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await expect(steps.bubble(second, 'Not for the relay to read.')).toHaveCount(0);
});

story('a relay that goes back to an old device list is told of, and sending waits until the person decides', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  const goBack = await keepFirstLists(first);
  await steps.twoTalking({ first, second, relay });
  const { page } = first;
  // Ben comes with a new device, which Ada sees; then the relay takes it back.
  const third = await person();
  await steps.fillLogIn(third, relay, ben);
  await steps.openChat(third, ada);
  const feed = page.getByRole('feed');
  await expect(feed.getByText(text.notice.deviceAdded(ben.name))).toBeVisible(PATIENT);
  await steps.write(first, ben, 'I see your new browser.');
  await steps.expectSent(first, 'I see your new browser.');

  goBack();
  await page.getByRole('button', { name: text.list.newChat }).first().click();
  await page.getByRole('textbox', { name: text.newChat.handle }).fill(`@${ben.handle}`);
  await page.getByRole('button', { name: text.newChat.submit }).click();
  await expect(page.getByRole('dialog').getByText(text.error.relayMisbehaved)).toBeVisible(PATIENT);
  await page.keyboard.press('Escape');

  await expect(feed.getByText(text.notice.deviceListRefused(ben.name, text.listFault.rolledBack))).toBeVisible(PATIENT);
  await expect(page.getByText(text.composer.listRefused(ben.name))).toBeVisible();
  await steps.write(first, ben, 'Who reads this?');
  await expect(steps.bubble(first, 'Who reads this?').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await page.getByRole('button', { name: text.composer.sendAnyway }).click();
  await steps.expectSent(first, 'Who reads this?');
  await expect(steps.bubble(second, 'Who reads this?')).toBeVisible(PATIENT);
});
