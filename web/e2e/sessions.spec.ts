import { AxeBuilder } from '@axe-core/playwright';
import { text } from '../src/text/en';
import type { Person } from './harness/person';
import * as steps from './harness/steps';
import { ada, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const openSecurity = async ({ page }: Person) => {
  await page.getByRole('link', { name: text.settings }).first().click();
  await page.getByRole('link', { name: text.settingsPages.security }).click();
};

const provePassword = async ({ page }: Person) => {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(text.logIn.password, { exact: true }).fill(ada.password);
  await dialog.getByRole('button', { name: text.factors.next }).click();
};

const rows = ({ page }: Person) => page.getByRole('list', { name: text.sessions.title }).getByRole('listitem');

story('a session that is ended from another browser is over there at once, and the next one takes no password', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const second = await person();
  const third = await person();
  for (const other of [second, third]) {
    await steps.fillLogIn(other, relay, ada);
    await expect(other.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
  }
  await openSecurity(first);
  await expect(rows(first)).toHaveCount(3, PATIENT);

  await rows(first).nth(1).getByRole('button').click();
  const question = text.sessions.end.one;
  await expect(first.page.getByRole('dialog', { name: question.title })).toBeVisible();
  expect((await new AxeBuilder({ page: first.page }).analyze()).violations).toEqual([]);
  await first.page.getByRole('button', { name: question.action }).click();
  await provePassword(first);

  await expect(second.page.getByText(text.welcome.revoked)).toBeVisible(PATIENT);
  await expect(rows(first)).toHaveCount(2, PATIENT);
  await expect(third.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible();

  await first.page.getByRole('button', { name: text.sessions.endOthers }).click();
  await first.page.getByRole('button', { name: text.sessions.end.others.action }).click();

  await expect(third.page.getByText(text.welcome.revoked)).toBeVisible(PATIENT);
  await expect(rows(first)).toHaveCount(1, PATIENT);
  await first.page.reload();
  await openSecurity(first);
  await expect(first.page.getByText(text.audit.kinds.sessionEnded.says)).toHaveCount(2, PATIENT);
});

story('a session that nobody proves the password for goes on', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
  await openSecurity(first);

  await first.page.getByRole('button', { name: text.sessions.endOthers }).click();
  await first.page.getByRole('button', { name: text.sessions.end.others.action }).click();
  const dialog = first.page.getByRole('dialog');
  await dialog.getByLabel(text.logIn.password, { exact: true }).fill('not-the-password-at-all');
  await dialog.getByRole('button', { name: text.factors.next }).click();
  await expect(dialog.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  await dialog.getByRole('button', { name: text.close }).click();

  await expect(rows(first)).toHaveCount(2);
  await second.page.reload();
  await expect(second.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
});
