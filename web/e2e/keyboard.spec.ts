import type { Locator } from '@playwright/test';
import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

/** Nothing on a screen is further away than this. */
const TABS_MAX = 40;

story('an account is made with the keyboard alone', async ({ relay, person }) => {
  const { page } = await person();
  await page.goto(relay.origin);

  await press(page.getByRole('button', { name: text.welcome.create }));
  await type(page.getByLabel(text.create.name, { exact: true }), ada.name);
  await type(page.getByLabel(text.create.handle, { exact: true }), ada.handle);
  await type(page.getByLabel(text.create.password, { exact: true }), ada.password);
  await page.keyboard.press('Enter');
  const card = page.getByRole('list', { name: text.recoveryKey.label });
  await expect(card).toBeVisible(PATIENT);
  for (const [index, group] of (await card.getByRole('listitem').allInnerTexts()).entries()) {
    const asked = page.getByLabel(text.recoveryKey.group(index + 1), { exact: true });
    if ((await asked.count()) > 0) await type(asked, group);
  }
  await press(page.getByRole('button', { name: text.recoveryKey.done }));

  await expect(page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible();
});

story('two people talk and verify each other with the keyboard alone', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.createAccount(first, relay, ada);
  await steps.createAccount(second, relay, ben);
  const { page } = first;
  const { keyboard } = page;

  await press(page.getByRole('button', { name: text.list.newChat }).first());
  await keyboard.type(`@${ben.handle}`);
  await keyboard.press('Enter');
  const composer = page.getByRole('textbox', { name: text.composer.message(ben.name) });
  await expect(composer).toBeFocused(PATIENT);
  await keyboard.type('By hand.');
  await keyboard.press('Shift+Enter');
  await keyboard.type('In two lines.');
  await keyboard.press('Enter');
  await steps.expectSent(first, 'By hand.');
  await steps.openChat(second, ada);
  await steps.write(second, ada, 'I see.');
  await expect(steps.bubble(first, 'I see.')).toBeVisible(PATIENT);

  // The feed is one stop; arrows walk inside it.
  await backTo(steps.bubble(first, 'I see.'));
  await keyboard.press('ArrowUp');
  await expect(steps.bubble(first, 'By hand.')).toBeFocused();

  await backTo(page.getByRole('button', { name: text.conversation.details, exact: true }));
  await keyboard.press('Enter');
  await press(page.getByRole('button', { name: text.contact.compare }));
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await stayInside(first, dialog);
  await press(dialog.getByRole('button', { name: text.verify.match }));
  await expect(page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified })).toBeVisible();

  await keyboard.press('Escape');
  await expect(page).toHaveURL(/\/c\/[\w-]+$/);
  await keyboard.press('Escape');
  await expect(page).toHaveURL(`${relay.origin}/`);
  await keyboard.press('Control+K');
  await keyboard.type(ben.name);
  await keyboard.press('Enter');
  await expect(composer).toBeFocused();
});

async function press(target: Locator): Promise<void> {
  await walkTo(target, 'Tab');
  await target.page().keyboard.press('Enter');
}

async function type(target: Locator, words: string): Promise<void> {
  await walkTo(target, 'Tab');
  await target.page().keyboard.type(words);
}

async function backTo(target: Locator): Promise<void> {
  await walkTo(target, 'Shift+Tab');
}

/** Until it has the focus, and shows it. */
async function walkTo(target: Locator, key: 'Tab' | 'Shift+Tab'): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    const focus = await target.evaluate((element) => ({ here: element === document.activeElement, seen: element.matches(':focus-visible') }));
    if (focus.here) return expect(focus.seen).toBe(true);
    await target.page().keyboard.press(key);
  }
  throw new Error(`${String(target)} is out of the keyboard's reach`);
}

/** Once around, and never out of it. */
async function stayInside({ page }: Person, dialog: Locator): Promise<void> {
  for (let presses = 0; presses < 8; presses += 1) {
    await page.keyboard.press('Tab');
    await expect.poll(() => dialog.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  }
}
