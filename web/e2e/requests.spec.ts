import { text } from '../src/text/en';
import { DIRECTORY, swapIdentity } from './harness/liar';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

story('who writes first waits for an answer, and learns no name before it', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await Promise.all([steps.createAccount(first, relay, ada), steps.createAccount(second, relay, { ...ben, name: 'Benedict' })]);
  await steps.startChat(first, ben);
  await steps.write(first, ben, 'Is this the place?');

  const row = second.page.getByRole('link', { name: new RegExp(ada.name) });
  await expect(row).toContainText(text.requests.row, PATIENT);
  await row.click();
  await expect(second.page.getByText(text.requests.note(ada.name))).toBeVisible();
  await expect(steps.bubble(second, 'Is this the place?')).toBeVisible();
  await expect(first.page.getByText('Benedict')).toHaveCount(0);

  await second.page.getByRole('button', { name: text.requests.accept }).click();

  await expect(second.page.getByText(text.requests.note(ada.name))).toHaveCount(0);
  await expect(first.page.getByRole('heading', { level: 1, name: 'Benedict' })).toBeVisible(PATIENT);
});

story('a removed contact leaves both of one’s browsers, and comes back as a request', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const third = await person();
  await steps.fillLogIn(third, relay, ben);
  await steps.openChat(third, ada);

  await second.page.getByRole('button', { name: text.conversation.details, exact: true }).click();
  await second.page.getByRole('button', { name: text.contact.remove(ada.name) }).click();
  await second.page.getByRole('dialog').getByRole('button', { name: text.requests.remove, exact: true }).click();

  for (const { page } of [second, third]) {
    await expect(page.getByRole('link', { name: new RegExp(ada.name) })).toHaveCount(0, PATIENT);
    await expect(page.getByText(text.list.empty)).toBeVisible();
  }
  await steps.write(first, ben, 'Are you there?');
  for (const one of [second, third]) {
    const row = one.page.getByRole('link', { name: new RegExp(ada.name) });
    await expect(row).toContainText(text.requests.row, PATIENT);
    await row.click();
    await expect(steps.bubble(one, 'Are you there?')).toBeVisible();
    await expect(steps.bubble(one, 'It is. Come in.')).toHaveCount(0);
  }
});

story('somebody’s own link leads a newcomer to them, and no other key than it names is taken', async ({ relay, person }) => {
  const first = await person({ permissions: ['clipboard-read', 'clipboard-write'] });
  const second = await person();
  await steps.createAccount(first, relay, ada);
  await first.page.goto(`${relay.origin}/settings/profile`);
  await first.page.getByRole('button', { name: text.links.showOwn }).click();
  await first.page.getByRole('dialog').getByRole('button', { name: text.links.copy }).click();
  const link = await first.page.evaluate(() => navigator.clipboard.readText());

  await second.page.goto(link);
  await expect(second.page.getByText(text.links.welcome(ada.handle))).toBeVisible(PATIENT);
  expect(new URL(second.page.url()).hash).toBe('');
  await second.page.getByRole('button', { name: text.welcome.create }).click();
  await steps.fillAccount(second, ben);
  await steps.typeRecoveryKeyBack(second);
  const dialog = second.page.getByRole('dialog', { name: text.links.title(ada.handle) });
  await expect(dialog).toBeVisible();
  const lies = await swapIdentity(second);
  await dialog.getByRole('button', { name: text.newChat.submit }).click();
  await expect(dialog.getByText(text.error.linkMismatch)).toBeVisible(PATIENT);
  expect(lies()).toBe(1);
  await second.context.unroute(DIRECTORY);

  await dialog.getByRole('button', { name: text.newChat.submit }).click();
  await expect(second.page.getByRole('heading', { level: 1, name: ada.name })).toBeVisible(PATIENT);
  await steps.write(second, ada, 'By your link.');
  await expect(first.page.getByText('By your link.')).toHaveCount(0);
  await first.page.goto(relay.origin);
  await expect(first.page.getByRole('link', { name: /Ben/ })).toContainText(text.requests.row, PATIENT);
});
