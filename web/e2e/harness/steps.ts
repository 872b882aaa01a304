import type { Locator } from '@playwright/test';
import { text } from '../../src/text/en';
import type { Person } from './person';
import type { Relay } from './relay';
import { expect } from './story';

/** Who somebody says they are. */
export type Account = { name: string; handle: string; password: string; colour: string };

export const ada: Account = { name: 'Ada', handle: 'ada', password: 'quiet-harbour-lantern-47', colour: 'Lake' };
export const ben: Account = { name: 'Ben', handle: 'ben', password: 'seven-copper-kettles-93', colour: 'Sage' };

/** Making keys takes a while on a busy machine, and so does coming back after a kill. */
export const PATIENT = { timeout: 45_000 };

/** Creates an account, and types two groups of its recovery key back. */
export async function createAccount(person: Person, relay: Relay, account: Account): Promise<void> {
  await makeKeys(person, relay, account);
  await retypeRecoveryKey(person);
}

/** Creates an account, up to the page that shows its recovery key. */
export async function makeKeys(person: Person, relay: Relay, account: Account): Promise<void> {
  await person.page.goto(relay.origin);
  await person.page.getByRole('button', { name: text.welcome.create }).click();
  await fillAccount(person, account);
}

/** On the page that asks for it, up to the recovery key. */
export async function fillAccount({ page }: Person, account: Account): Promise<void> {
  await page.getByRole('radio', { name: account.colour }).check({ force: true });
  await page.getByLabel(text.create.name, { exact: true }).fill(account.name);
  await page.getByLabel(text.create.handle, { exact: true }).fill(account.handle);
  await page.getByLabel(text.create.password, { exact: true }).fill(account.password);
  await expect(page.getByText(text.create.handleFree(account.handle))).toBeVisible();
  await page.getByRole('button', { name: text.create.submit }).click();
  await expect(page.getByRole('list', { name: text.recoveryKey.label })).toBeVisible(PATIENT);
}

export async function retypeRecoveryKey(person: Person): Promise<void> {
  await typeRecoveryKeyBack(person);
  await expect(person.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible();
}

/** Whatever comes after it. */
export async function typeRecoveryKeyBack({ page }: Person): Promise<void> {
  const card = page.getByRole('list', { name: text.recoveryKey.label });
  const groups = await card.getByRole('listitem').allInnerTexts();
  for (const [index, group] of groups.entries()) {
    const asked = page.getByLabel(text.recoveryKey.group(index + 1), { exact: true });
    if ((await asked.count()) > 0) await asked.fill(group);
  }
  await page.getByRole('button', { name: text.recoveryKey.done }).click();
}

export async function fillLogIn({ page }: Person, relay: Relay, account: Account): Promise<void> {
  await page.goto(`${relay.origin}/log-in`);
  await page.getByLabel(text.logIn.handle, { exact: true }).fill(account.handle);
  await page.getByLabel(text.logIn.password, { exact: true }).fill(account.password);
  await page.getByRole('button', { name: text.logIn.submit }).click();
}

export async function startChat({ page }: Person, peer: Account): Promise<void> {
  await page.getByRole('button', { name: text.list.newChat }).first().click();
  await page.getByRole('textbox', { name: text.newChat.handle }).fill(`@${peer.handle}`);
  await page.getByRole('button', { name: text.newChat.submit }).click();
  await expect(conversationWith(page, peer)).toBeVisible(PATIENT);
}

/** Opens the chat from the list, where it must be. */
export async function openChat({ page }: Person, peer: Account): Promise<void> {
  await page.getByRole('link', { name: new RegExp(peer.name) }).click(PATIENT);
  await expect(conversationWith(page, peer)).toBeVisible();
}

export async function write({ page }: Person, peer: Account, words: string): Promise<void> {
  await page.getByRole('textbox', { name: new RegExp(`^${text.composer.message(called(peer))}$`, 'i') }).fill(words);
  await page.keyboard.press('Enter');
}

/** The bubble that says so; there must be one. */
export function bubble({ page }: Person, words: string): Locator {
  return page.getByRole('article').filter({ hasText: words });
}

export async function expectSent(person: Person, words: string): Promise<void> {
  await expect(bubble(person, words).getByRole('img', { name: text.delivery.sent, exact: true })).toBeVisible(PATIENT);
}

export async function attach({ page }: Person, path: string): Promise<void> {
  await page.locator('input[type=file]').setInputFiles(path);
  await page.getByRole('dialog').getByRole('button', { name: text.composer.send, exact: true }).click();
}

/** Registers two people, and lets the first write to the second, who answers. */
export async function twoTalking(people: { first: Person; second: Person; relay: Relay }): Promise<void> {
  const { first, second, relay } = people;
  await Promise.all([createAccount(first, relay, ada), createAccount(second, relay, ben)]);
  await talk(first, second);
}

/** A first word, and an answer. */
export async function talk(first: Person, second: Person): Promise<void> {
  await startChat(first, ben);
  await write(first, ben, 'Is this the place?');
  await openChat(second, ada);
  await expect(bubble(second, 'Is this the place?')).toBeVisible(PATIENT);
  await write(second, ada, 'It is. Come in.');
  await expect(bubble(first, 'It is. Come in.')).toBeVisible(PATIENT);
}

/** Reads the safety number that stands in the dialog, and says that it is the same. */
export async function compare({ page }: Person): Promise<string[]> {
  await page.getByRole('button', { name: text.conversation.details, exact: true }).click();
  await page.getByRole('button', { name: text.contact.compare }).click();
  const dialog = page.getByRole('dialog');
  return dialog.getByRole('list', { name: text.contact.safetyNumber }).getByRole('listitem').allInnerTexts();
}

/** Says it on both screens, where the same number stands. */
export async function verify(first: Person, second: Person): Promise<void> {
  expect(await compare(first)).toEqual(await compare(second));
  await sayTheyMatch(first);
  await sayTheyMatch(second);
}

export async function sayTheyMatch({ page }: Person): Promise<void> {
  await page.getByRole('dialog').getByRole('button', { name: text.verify.match }).click();
  await expect(page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified })).toBeVisible();
}

function conversationWith(page: Person['page'], peer: Account): Locator {
  return page.getByRole('heading', { level: 1, name: new RegExp(called(peer), 'i') });
}

/** Until somebody has answered, they are called by their handle. */
function called({ name, handle }: Account): string {
  return `(${name}|${handle})`;
}
