import { AxeBuilder } from '@axe-core/playwright';
import { text } from '../src/text/en';
import type { Person } from './harness/person';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const openDeletion = async ({ page }: Person) => {
  await page.getByRole('link', { name: text.settings }).first().click();
  await page.getByRole('link', { name: text.settingsPages.security }).click();
  await page.getByRole('button', { name: text.deletion.open }).click();
};

story('a deleted account is gone everywhere at once, and the other one is told', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const other = await person();
  await steps.createAccount(other, relay, ben);
  await steps.startChat(first, ben);
  await steps.write(first, ben, 'I am leaving');
  await steps.openChat(other, ada);
  await expect(steps.bubble(other, 'I am leaving')).toBeVisible(PATIENT);
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);

  await openDeletion(first);
  const dialog = first.page.getByRole('dialog', { name: text.deletion.title });
  for (const [, happens] of text.deletion.happens) await expect(dialog.getByText(happens)).toBeVisible();
  expect((await new AxeBuilder({ page: first.page }).analyze()).violations).toEqual([]);
  await expect(dialog.getByRole('button', { name: text.deletion.action })).toBeDisabled();
  await dialog.getByLabel(text.deletion.type(ada.handle)).fill(ada.handle);
  await dialog.getByRole('button', { name: text.deletion.action }).click();
  await dialog.getByLabel(text.logIn.password, { exact: true }).fill(ada.password);
  await dialog.getByRole('button', { name: text.factors.next }).click();

  for (const { page } of [first, second]) await expect(page.getByText(text.deletion.farewell)).toBeVisible(PATIENT);
  expect((await new AxeBuilder({ page: first.page }).analyze()).violations).toEqual([]);
  await expect(other.page.getByText(text.deletion.closed(ada.name), { exact: true })).toBeVisible(PATIENT);
  await expect(other.page.getByRole('feed').getByText(text.deletion.notice(ada.name))).toBeVisible();
  await expect(steps.bubble(other, 'I am leaving')).toBeVisible();
  await expect(other.page.getByRole('textbox', { name: text.composer.message(ada.name) })).toHaveCount(0);

  await first.page.getByRole('button', { name: text.deletion.farewellAction }).click();
  await first.page.reload();
  await first.page.getByRole('button', { name: text.welcome.create }).click();
  await first.page.getByLabel(text.create.handle, { exact: true }).fill(ada.handle);
  await expect(first.page.getByText(text.create.handleTaken(ada.handle))).toBeVisible();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
});
