import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

story('a new browser is let in with nobody else online, and writes at once', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await first.close();
  await second.leave();

  const third = await person();
  await steps.fillLogIn(third, relay, ada);
  await steps.openChat(third, ben);
  await expect(third.page.getByRole('feed').getByText(text.notice.joinedHere)).toBeVisible(PATIENT);
  await expect(steps.bubble(third, 'Is this the place?')).toHaveCount(0);
  await steps.write(third, ben, 'From a new browser.');
  await steps.expectSent(third, 'From a new browser.');

  await second.comeBack(relay.origin);
  await steps.openChat(second, ada);
  await expect(steps.bubble(second, 'From a new browser.')).toHaveCount(1, PATIENT);
  await expect(second.page.getByRole('feed').getByText(text.notice.deviceAdded(ada.name))).toBeVisible();
});

story('a wrong password is told, and changes nothing', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const stranger = await person();

  await steps.fillLogIn(stranger, relay, { ...ada, password: 'not-the-password-at-all' });

  await expect(stranger.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
});

story('signing out forgets everything in this browser', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const before = await storedKeys(first);
  expect(before.filter((key) => key.startsWith('account/'))).not.toEqual([]);
  await first.page.getByRole('link', { name: text.settingsPages.profile }).click();

  await first.page.getByRole('button', { name: new RegExp(text.logOut.short) }).first().click();
  await first.page.getByRole('button', { name: text.logOut.action }).click();

  await expect(first.page.getByText(text.welcome.loggedOut)).toBeVisible(PATIENT);
  expect((await storedKeys(first)).filter((key) => key.includes('/'))).toEqual([]);
  await first.page.reload();
  await expect(first.page.getByRole('button', { name: text.welcome.create })).toBeVisible(PATIENT);
});

story('signing out without the relay says so, and forgets only when asked again', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await first.page.getByRole('link', { name: text.settingsPages.profile }).click();
  // Chromium tells of every connection that fails while the relay is away.
  first.foresee(/WebSocket connection to .* failed/);
  relay.proxy.cut();

  await first.page.getByRole('button', { name: new RegExp(text.logOut.short) }).first().click();
  await first.page.getByRole('button', { name: text.logOut.action }).click();
  await expect(first.page.getByText(text.logOut.untoldText)).toBeVisible(PATIENT);
  expect((await storedKeys(first)).filter((key) => key.startsWith('account/'))).not.toEqual([]);
  await first.page.getByRole('button', { name: text.logOut.forget }).click();

  await expect(first.page.getByText(text.welcome.loggedOut)).toBeVisible(PATIENT);
  expect((await storedKeys(first)).filter((key) => key.includes('/'))).toEqual([]);
});

story('a removed browser says so, forgets everything, and nothing reaches it any more', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const lost = await person();
  await steps.fillLogIn(lost, relay, ada);
  await steps.openChat(lost, ben);
  await first.page.getByRole('link', { name: text.settingsPages.profile }).click();
  await first.page.getByRole('link', { name: text.settingsPages.devices }).click();

  await first.page.getByRole('button', { name: text.devices.removeOthers }).click();
  await removeWith(first, 'not-the-password-at-all');
  await expect(first.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  await removeWith(first, ada.password);

  await expect(first.page.getByText(text.devices.removed.title)).toBeVisible(PATIENT);
  await expect(lost.page.getByText(text.welcome.revoked)).toBeVisible(PATIENT);
  expect((await storedKeys(lost)).filter((key) => key.includes('/'))).toEqual([]);
  await first.page.getByRole('button', { name: text.devices.removed.done }).click();
  await expect(first.page.getByRole('button', { name: text.devices.removeOthers })).toHaveCount(0);
  await expect(second.page.getByRole('feed').getByText(text.notice.deviceRemoved(ada.name))).toBeVisible(PATIENT);
  await steps.write(second, ada, 'Only for the one that stayed.');
  await steps.expectSent(second, 'Only for the one that stayed.');
  await first.page.getByRole('link', { name: text.chats }).click();
  await steps.openChat(first, ben);
  await expect(steps.bubble(first, 'Only for the one that stayed.')).toBeVisible(PATIENT);
});

async function removeWith({ page }: Person, password: string): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(text.devices.removing.password, { exact: true }).fill(password);
  await dialog.getByRole('button', { name: text.devices.removing.action(1) }).click();
}

/** The key of every record that this browser keeps, in every database. */
async function storedKeys({ page }: Person): Promise<string[]> {
  return page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(request.error ?? new Error('no answer')));
      });
    const keys: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await answer(indexedDB.open(name ?? ''));
      for (const store of database.objectStoreNames) {
        keys.push(...(await answer(database.transaction(store).objectStore(store).getAllKeys())).map(String));
      }
      database.close();
    }
    return keys;
  });
}
