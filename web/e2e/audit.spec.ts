import { AxeBuilder } from '@axe-core/playwright';
import { readFile } from 'node:fs/promises';
import { text } from '../src/text/en';
import type { Person } from './harness/person';
import * as steps from './harness/steps';
import { ada, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const openLog = async ({ page }: Person) => {
  await page.getByRole('link', { name: text.settings }).first().click();
  await page.getByRole('link', { name: text.settingsPages.security }).click();
};

story('the owner reads of a wrong password and of a new device, and keeps the log as a file', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const stranger = await person();
  await steps.fillLogIn(stranger, relay, { ...ada, password: 'not-the-password-at-all' });
  await expect(stranger.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);

  await openLog(first);
  const rows = first.page.getByRole('list', { name: text.audit.title }).getByRole('listitem');
  await expect(rows).toHaveCount(4, PATIENT);
  const { kinds } = text.audit;
  for (const [place, kind] of [kinds.deviceAdded, kinds.openedByPassword, kinds.loginTried, kinds.registered].entries()) {
    await expect(rows.nth(place)).toContainText(kind.says);
  }
  expect((await new AxeBuilder({ page: first.page }).analyze()).violations).toEqual([]);

  const saving = first.page.waitForEvent('download');
  await first.page.getByRole('button', { name: text.audit.save }).click();
  const file = await (await saving).path();
  const saved = JSON.parse(await readFile(file, 'utf8')) as { handle: string; rows: { name: string; hash: string }[] };
  expect(saved.handle).toBe(ada.handle);
  expect(saved.rows.map(({ name }) => name)).toEqual(['registered', 'login_tried', 'login_tried', 'opened_by_password', 'device_added']);
});

story('a relay that takes a row back is told of at once, until the owner begins anew', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await openLog(first);
  await expect(first.page.getByText(text.audit.checked)).toBeVisible(PATIENT);
  const start = { number: 0, hash: 'A'.repeat(43) };
  await first.context.route(/\/v1\/audit/, (route) => route.fulfill({ json: { start, rows: [], head: start } }));

  await first.page.reload();
  await first.page.getByRole('link', { name: text.chats }).first().click();

  await expect(first.page.getByText(text.audit.banner)).toBeVisible(PATIENT);
  await first.page.getByRole('button', { name: text.audit.bannerAction }).click();
  await expect(first.page.getByText(text.audit.refused.rolledBack)).toBeVisible(PATIENT);
  await first.context.unroute(/\/v1\/audit/);
  await first.page.getByRole('button', { name: text.audit.restart }).click();
  await expect(first.page.getByText(text.audit.checked)).toBeVisible(PATIENT);
});

story('the owner sees the sessions, and everything that the relay keeps of the account', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await openLog(first);
  const { page } = first;
  const sessions = page.getByRole('list', { name: text.sessions.title }).getByRole('listitem');
  await expect(sessions).toHaveCount(1, PATIENT);
  await expect(sessions).toContainText(text.devices.thisBrowser);

  await page.getByRole('button', { name: text.knowledge.show }).click();
  const tables = page.getByRole('list', { name: text.knowledge.title });
  await expect(tables.getByRole('listitem').first()).toContainText(text.knowledge.tables['accounts'] ?? 'no words', PATIENT);
  const saving = page.waitForEvent('download');
  await page.getByRole('region', { name: text.knowledge.title }).getByRole('button', { name: text.knowledge.save }).click();
  const saved = await readFile(await (await saving).path(), 'utf8');
  expect(saved).toContain(ada.handle);
  expect(saved).not.toContain(ada.name);
});
