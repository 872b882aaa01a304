import { AxeBuilder } from '@axe-core/playwright';
import { text } from '../src/text/en';
import { findCanaries } from './harness/canaries';
import type { Person } from './harness/person';
import type { Trace } from './harness/relay';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const passphrase = 'nine brass lanterns at dusk';
const secret = 'Said before the lock: the key is under the blue stone.';

story('a locked browser opens with its passphrase and nothing else, after a reload and in another tab', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await setLock(first, passphrase);
  const { page } = first;

  await page.reload();
  await expectLocked(first);
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await unlock(first, 'nine brass lanterns at dawn');
  await expect(page.getByText(text.error.wrongPassphrase)).toBeVisible(PATIENT);
  await steps.write(second, ada, 'Written while it was locked.');
  await unlock(first, passphrase);
  await page.getByRole('link', { name: text.chats }).first().click(PATIENT);
  await steps.openChat(first, ben);
  await expect(steps.bubble(first, 'It is. Come in.')).toBeVisible(PATIENT);
  await expect(steps.bubble(first, 'Written while it was locked.')).toBeVisible(PATIENT);

  // A second tab has to be told the passphrase too; it then has the store, and the first one nothing.
  const other = await first.context.newPage();
  await other.goto(relay.origin);
  await expect(other.getByRole('heading', { level: 1, name: text.locked.title })).toBeVisible(PATIENT);
  await other.getByLabel(text.lock.passphrase, { exact: true }).fill(passphrase);
  await other.getByRole('button', { name: text.locked.submit }).click();
  await expect(other.getByRole('link', { name: new RegExp(ben.name) })).toBeVisible(PATIENT);
  await expect(page.getByRole('heading', { level: 1, name: text.otherTab.title })).toBeVisible(PATIENT);

  // One key locks both.
  await other.keyboard.press('Control+Shift+L');
  for (const tab of [page, other]) await expect(tab.getByRole('heading', { level: 1, name: text.locked.title })).toBeVisible(PATIENT);
  await expect(other).toHaveTitle(text.app);
});

story('nothing that lies in a locked browser can be read, and no key to it lies there', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await steps.write(first, ben, secret);
  await steps.expectSent(first, secret);
  const open = await storedBytes(first);
  await setLock(first, passphrase);

  await first.page.getByRole('button', { name: text.lock.now }).first().click();
  await expectLocked(first);

  const locked = await storedBytes(first);
  const known = [secret, 'Is this the place?', 'It is. Come in.', passphrase, ada.password, ben.password];
  expect(locked.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeGreaterThan(10_000);
  expect(findCanaries(known, [...open, ...locked])).toEqual([]);
  // Before, the browser could open the store by a key of its own; now none is in there.
  expect(open.some(({ name }) => name.includes('CryptoKey'))).toBe(true);
  expect(locked.some(({ name }) => name.includes('CryptoKey'))).toBe(false);
  const page = await first.page.locator('body').innerText();
  for (const word of [ada.name, ben.name, ada.handle, secret]) expect(page).not.toContain(word);
});

story('a browser that nobody touches locks by itself, and not while somebody is there', async ({ relay, person }) => {
  const first = await person();
  await first.page.clock.install();
  await steps.createAccount(first, relay, ada);
  await setLock(first, passphrase);
  const { page } = first;
  await page.locator('label').filter({ hasText: new RegExp(`^${text.lock.minutes(5)}$`) }).click();

  await page.clock.fastForward('04:50');
  await page.mouse.move(200, 200);
  await page.clock.fastForward('04:50');
  await expect(page.getByRole('heading', { level: 1, name: text.settingsPages.security })).toBeVisible();
  await page.clock.fastForward('00:11');

  await expectLocked(first);
});

story('a lock is changed and removed by its passphrase', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await setLock(first, passphrase);
  const dialog = first.page.getByRole('dialog');
  const fill = async (label: string, words: string) => dialog.getByLabel(label, { exact: true }).fill(words);

  await first.page.getByRole('button', { name: text.lock.change, exact: true }).click();
  await fill(text.lock.current, 'not the passphrase');
  await fill(text.lock.next, 'another fine passphrase');
  await fill(text.lock.again, 'another fine passphrase');
  await dialog.getByRole('button', { name: text.lock.action.change }).click();
  await expect(dialog.getByText(text.error.wrongPassphrase)).toBeVisible(PATIENT);
  await fill(text.lock.current, passphrase);
  await dialog.getByRole('button', { name: text.lock.action.change }).click();
  await expect(dialog).toHaveCount(0, PATIENT);

  await first.page.reload();
  await unlock(first, 'another fine passphrase');
  await first.page.getByRole('button', { name: text.lock.remove, exact: true }).click(PATIENT);
  await fill(text.lock.current, 'another fine passphrase');
  await dialog.getByRole('button', { name: text.lock.action.remove }).click();
  await expect(first.page.getByText(text.lock.state.browser.what)).toBeVisible(PATIENT);
  await first.page.reload();
  await expect(first.page.getByText(text.lock.state.browser.what)).toBeVisible(PATIENT);
});

story('a tab that is closed in the middle of setting a lock leaves a store that opens, with or without it', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);

  for (const frames of [0, 2, 8, 24, 72]) {
    await first.page.goto(`${relay.origin}/settings/security`);
    await fillLock(first, passphrase);
    await first.page.getByRole('dialog').getByRole('button', { name: text.lock.action.set }).click();
    await first.page.evaluate(async (count) => {
      for (let frame = 0; frame < count; frame += 1) await new Promise((drawn) => requestAnimationFrame(drawn));
    }, frames);
    await first.leave();
    await first.comeBack(`${relay.origin}/settings/security`);
    const locked = first.page.getByRole('heading', { level: 1, name: text.locked.title });
    const open = first.page.getByRole('heading', { level: 1, name: text.settingsPages.security });
    await expect(locked.or(open)).toBeVisible(PATIENT);
    if (!(await locked.isVisible())) continue;
    await unlock(first, passphrase);
    await first.page.getByRole('button', { name: text.lock.remove, exact: true }).click(PATIENT);
    const dialog = first.page.getByRole('dialog');
    await dialog.getByLabel(text.lock.current, { exact: true }).fill(passphrase);
    await dialog.getByRole('button', { name: text.lock.action.remove }).click();
    await expect(dialog).toHaveCount(0, PATIENT);
  }

  await first.page.getByRole('link', { name: text.chats }).first().click();
  await expect(first.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
});

story('who forgot the passphrase is told what goes, and signs out', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const elsewhere = await person();
  await steps.fillLogIn(elsewhere, relay, ada);
  await expect(elsewhere.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
  await setLock(first, passphrase);
  await first.page.reload();

  await first.page.getByRole('button', { name: text.locked.forgot }).click(PATIENT);
  await expect(first.page.getByText(text.locked.leaveText)).toBeVisible();
  await first.page.getByRole('button', { name: text.logOut.action }).click();

  await expect(first.page.getByText(text.welcome.loggedOut)).toBeVisible(PATIENT);
  await elsewhere.page.goto(`${relay.origin}/settings/security`);
  await expect(elsewhere.page.getByRole('list', { name: text.sessions.title }).getByRole('listitem')).toHaveCount(1, PATIENT);
  await first.page.reload();
  await expect(first.page.getByRole('button', { name: text.welcome.create })).toBeVisible(PATIENT);
});

story('on a computer of others everything is gone with the tab, and the relay hears of it at the next start', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const shared = await person();
  const { page } = shared;
  await page.goto(`${relay.origin}/log-in`);
  await page.getByRole('switch', { name: new RegExp(text.forget.label) }).click();
  await expect(page.getByText(text.forget.limits)).toBeVisible();
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
  await page.getByLabel(text.logIn.handle, { exact: true }).fill(ada.handle);
  await page.getByLabel(text.logIn.password, { exact: true }).fill(ada.password);
  await page.getByRole('button', { name: text.logIn.submit }).click();
  await steps.openChat(shared, ben);
  await steps.write(shared, ben, secret);
  await steps.expectSent(shared, secret);
  const kept = await storedBytes(shared);
  expect(kept.some(({ name }) => name.includes('CryptoKey'))).toBe(false);
  expect(findCanaries([secret, ada.password], kept)).toEqual([]);
  const sessions = first.page.getByRole('list', { name: text.sessions.title }).getByRole('listitem');
  await first.page.goto(`${relay.origin}/settings/security`);
  await expect(sessions).toHaveCount(2, PATIENT);

  await shared.leave();
  await shared.comeBack(relay.origin);

  await expect(shared.page.getByText(text.welcome.forgotten)).toBeVisible(PATIENT);
  expect((await storedBytes(shared)).filter(({ name }) => name.includes('records'))).toEqual([]);
  await first.page.reload();
  await expect(sessions).toHaveCount(1, PATIENT);
});

async function fillLock({ page }: Person, words: string): Promise<void> {
  await page.getByRole('button', { name: text.lock.set }).click(PATIENT);
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(text.lock.next, { exact: true }).fill(words);
  await dialog.getByLabel(text.lock.again, { exact: true }).fill(words);
}

async function setLock(person: Person, words: string): Promise<void> {
  const { page } = person;
  await page.getByRole('link', { name: text.settings }).first().click();
  await page.getByRole('link', { name: text.settingsPages.security }).click();
  await fillLock(person, words);
  await page.getByRole('dialog').getByRole('button', { name: text.lock.action.set }).click();
  await expect(page.getByText(text.lock.state.passphrase.what)).toBeVisible(PATIENT);
}

async function unlock({ page }: Person, words: string): Promise<void> {
  await page.getByLabel(text.lock.passphrase, { exact: true }).fill(words, PATIENT);
  await page.getByRole('button', { name: text.locked.submit }).click();
}

async function expectLocked({ page }: Person): Promise<void> {
  await expect(page.getByRole('heading', { level: 1, name: text.locked.title })).toBeVisible(PATIENT);
  await expect(page).toHaveTitle(text.app);
}

/** Everything that scripts of this origin can read in this browser: databases, localStorage, sessionStorage, caches. */
async function storedBytes({ page }: Person): Promise<Trace[]> {
  const found = await page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.addEventListener('success', () => resolve(request.result));
        request.addEventListener('error', () => reject(request.error ?? new Error('no answer')));
      });
    const parts: [name: string, bytes: number[]][] = [];
    const put = (name: string, value: unknown): void => {
      if (value instanceof CryptoKey) parts.push([`${name} CryptoKey`, []]);
      else if (value instanceof ArrayBuffer) parts.push([name, [...new Uint8Array(value)]]);
      else if (ArrayBuffer.isView(value)) parts.push([name, [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)]]);
      else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) put(`${name}.${key}`, inner);
      else parts.push([name, [...new TextEncoder().encode(String(value))]]);
    };
    for (const { name = '' } of await indexedDB.databases()) {
      const database = await answer(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const objectStore = database.transaction(store).objectStore(store);
        const [keys, values] = await Promise.all([answer(objectStore.getAllKeys()), answer(objectStore.getAll())]);
        keys.forEach((key, at) => {
          put(`${name}/${store}/key`, String(key));
          put(`${name}/${store}/${String(key)}`, values[at]);
        });
      }
      database.close();
    }
    for (const storage of [localStorage, sessionStorage]) for (const [key, value] of Object.entries(storage)) put(`storage/${key}`, value);
    for (const cache of await caches.keys()) put('cache', cache);
    return parts;
  });
  return found.map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }));
}
