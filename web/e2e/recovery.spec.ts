import { readFileSync } from 'node:fs';
import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

const NEW_PASSWORD = 'eleven-amber-ferries-28';

story('a recovery key that was saved as a file opens the account, under a new password', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.makeKeys(first, relay, ada);
  const groups = await saveKey(first);
  await typeBack(first, () => 'ZZZZ');
  await expect(first.page.getByText(text.recoveryKey.wrong)).toHaveCount(2);
  await typeBack(first, (index) => (groups[index] ?? '').toLowerCase());
  await expect(first.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible();
  await expect(first.page.getByText(text.recoveryKey.banner)).toHaveCount(0);
  await steps.createAccount(second, relay, ben);
  await steps.talk(first, second);
  await first.close();

  const third = await person();
  const [start = '', ...rest] = groups;
  await fillRecovery(third, [start.startsWith('0') ? '1111' : '0000', ...rest].join(' '), relay.origin);
  await expect(third.page.getByText(text.error.recoveryKeyMistyped)).toBeVisible(PATIENT);
  await fillRecovery(third, groups.join('-').toLowerCase(), relay.origin);
  await steps.openChat(third, ben);
  await steps.write(third, ben, 'Back with the key.');
  await expect(steps.bubble(second, 'Back with the key.')).toBeVisible(PATIENT);

  const fourth = await person();
  await steps.fillLogIn(fourth, relay, ada);
  await expect(fourth.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  await steps.fillLogIn(fourth, relay, { ...ada, password: NEW_PASSWORD });
  await steps.openChat(fourth, ben);
});

story('a recovery key that was put off is asked for until it is kept', async ({ relay, person }) => {
  const first = await person();
  const { page } = first;
  await steps.makeKeys(first, relay, ada);

  await page.getByRole('button', { name: text.recoveryKey.later }).click();
  await expect(page.getByText(text.recoveryKey.banner)).toBeVisible();
  await page.reload();
  await page.getByRole('button', { name: text.recoveryKey.bannerAction }).click();
  await expect(page.getByRole('list', { name: text.recoveryKey.label })).toBeVisible();
  await expect(page.getByRole('button', { name: text.recoveryKey.later })).toHaveCount(0);
  await steps.retypeRecoveryKey(first);

  await expect(page.getByText(text.recoveryKey.banner)).toHaveCount(0);
  await page.goto(`${relay.origin}/recovery-key`);
  await expect(page.getByText(text.recoveryKey.gone)).toBeVisible();
});

/** Saves the key as a file, and reads its groups from there. */
async function saveKey({ page }: Person): Promise<string[]> {
  const button = page.getByRole('button', { name: text.recoveryKey.save });
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  expect(download.suggestedFilename()).toBe(text.recoveryKey.fileName(ada.handle));
  const words = readFileSync(await download.path(), 'utf8');
  expect(words).toContain(`@${ada.handle}`);
  const groups = /^(?:[0-9A-Z]{4} ){8}[0-9A-Z]{4}$/m.exec(words)?.[0].split(' ') ?? [];
  expect(groups).toEqual(await page.getByRole('list', { name: text.recoveryKey.label }).getByRole('listitem').allInnerTexts());
  return groups;
}

async function typeBack({ page }: Person, group: (index: number) => string): Promise<void> {
  for (const index of Array.from({ length: 9 }).keys()) {
    const asked = page.getByLabel(text.recoveryKey.group(index + 1), { exact: true });
    if ((await asked.count()) > 0) await asked.fill(group(index));
  }
  await page.getByRole('button', { name: text.recoveryKey.done }).click();
}

async function fillRecovery({ page }: Person, key: string, origin: string): Promise<void> {
  await page.goto(`${origin}/recover`);
  await page.getByLabel(text.logIn.handle, { exact: true }).fill(ada.handle);
  await page.getByLabel(text.recover.key, { exact: true }).fill(key);
  await page.getByLabel(text.recover.newPassword, { exact: true }).fill(NEW_PASSWORD);
  await page.getByRole('button', { name: text.recover.submit }).click();
}
