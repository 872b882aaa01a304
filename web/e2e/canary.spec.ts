import { randomBytes } from 'node:crypto';
import { text } from '../src/text/en';
import { findCanaries } from './harness/canaries';
import { plantable, plantedIn } from './harness/plant';
import type { Person } from './harness/person';
import type { Relay, Trace } from './harness/relay';
import * as steps from './harness/steps';
import { PATIENT } from './harness/steps';
import type { Account } from './harness/steps';
import { expect, story } from './harness/story';
import { wireTraces } from './harness/wire';

/** Messages of one burst, each with words of its own. */
const BURST = 100;
const FILE_BYTES = 3 * 1024 * 1024;

const canary = (what: string) => `canary-${randomBytes(5).toString('hex')}-${what}`;
const burst = (what: string) => Array.from({ length: BURST }, (_, index) => canary(`${what}-${index}`));

const ada: Account = { ...steps.ada, name: canary('Ada'), password: canary('password of Ada') };
const ben: Account = { ...steps.ben, name: canary('Ben'), password: canary('password of Ben') };

/** Everything that somebody types, sends or is given, and that the relay must not know. */
const told = {
  names: [ada.name, ben.name],
  passwords: [ada.password, ben.password, canary('wrong password'), canary('new password')],
  texts: [...burst('said by Ada'), ...burst('said by Ben'), canary('über die Brücke 🌉')],
  file: { name: canary('north sluice.bin'), type: `application/x-${canary('type')}`, caption: canary('caption') },
  pattern: canary('pattern of the file;'),
  searched: canary('searched for'),
  draft: canary('never sent'),
} as const;
const [, , wrongPassword, newPassword] = told.passwords;

/** What the browser calls this device; the relay is told a key and a number. */
const DEVICE_NAME = 'Chrome on Linux';

story('the relay holds, logs and is told nothing that it must not know', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  const keys = [await register(first, relay, ada), await register(second, relay, ben)];
  await talk(first, second);
  await sendFile(first, second);
  await typeWithoutSending(second);
  const third = await person();
  await comeBackWith(third, relay, keys[0] ?? '');
  await expect(third.page.getByRole('link', { name: ben.name })).toBeVisible(PATIENT);

  const wire = wireTraces(relay.proxy.recordings);
  const kept = relay.traces();
  expectWhole({ wire, kept });
  const recoveryKeys = keys.flatMap((key) => [key, key.replaceAll(' ', ''), key.replaceAll(' ', '-'), key.toLowerCase()]);
  const secrets = [...told.names, ...told.passwords, ...told.texts, ...Object.values(told.file), told.pattern, told.searched, told.draft, DEVICE_NAME, ...recoveryKeys];
  expect(secrets.length).toBeGreaterThan(2 * BURST);
  expect(findCanaries(secrets, [...wire, ...kept])).toEqual([]);

  const tokens = await tokensOf([first, second, third], wire);
  expect(findCanaries(tokens, kept)).toEqual([]);
  expectSeen([...secrets, ...tokens], kept);
});

story('the same search finds what the relay may know', async ({ relay, person }) => {
  const first = await person();
  const handle = 'canary-known-handle';
  await steps.createAccount(first, relay, { ...steps.ada, handle });

  const found = findCanaries([handle], [...wireTraces(relay.proxy.recordings), ...relay.traces()]);

  expect(found.some(({ where }) => where.startsWith('connection'))).toBe(true);
  expect(found.some(({ where }) => where.includes('data'))).toBe(true);
});

/** Creates an account and gives its recovery key, as it stands on the card. */
async function register(person: Person, relay: Relay, account: Account): Promise<string> {
  await steps.makeKeys(person, relay, account);
  const card = person.page.getByRole('list', { name: text.recoveryKey.label });
  const key = (await card.getByRole('listitem').allInnerTexts()).join(' ');
  await steps.retypeRecoveryKey(person);
  return key;
}

async function talk(first: Person, second: Person): Promise<void> {
  await steps.startChat(first, ben);
  const [hello = '', ...adas] = told.texts.filter((words) => !words.includes('said by Ben'));
  await steps.write(first, ben, hello);
  await steps.openChat(second, ada);
  await expect(steps.bubble(second, hello)).toBeVisible(PATIENT);
  const bens = told.texts.filter((words) => words.includes('said by Ben'));
  const say = async (person: Person, peer: Account, all: string[]) => {
    for (const words of all) await steps.write(person, peer, words);
    await steps.expectSent(person, all.at(-1) ?? '');
  };
  await Promise.all([say(first, ben, adas), say(second, ada, bens)]);
  await expect(steps.bubble(first, bens.at(-1) ?? '')).toBeVisible(PATIENT);
  await expect(steps.bubble(second, adas.at(-1) ?? '')).toBeVisible(PATIENT);
}

async function sendFile(from: Person, to: Person): Promise<void> {
  const { name, type, caption } = told.file;
  await from.page.locator('input[type=file]').setInputFiles({ name, mimeType: type, buffer: Buffer.alloc(FILE_BYTES, told.pattern) });
  await from.page.getByLabel(text.files.caption).fill(caption);
  await from.page.getByRole('dialog').getByRole('button', { name: text.composer.send, exact: true }).click();
  await steps.expectSent(from, name);
  await expect(steps.bubble(to, caption)).toBeVisible(PATIENT);
  const save = to.page.getByRole('button', { name: text.files.download(name) });
  await Promise.all([to.page.waitForEvent('download', PATIENT), save.click()]);
}

/** A search, and a draft that stays one. */
async function typeWithoutSending({ page }: Person): Promise<void> {
  await page.getByRole('searchbox', { name: text.list.search }).fill(told.searched);
  await expect(page.getByText(text.list.noMatch(told.searched))).toBeVisible();
  await page.getByRole('textbox', { name: text.composer.message(ada.name) }).fill(told.draft);
}

/** A wrong password, then the recovery key with a new one. */
async function comeBackWith(person: Person, relay: Relay, key: string): Promise<void> {
  const { page } = person;
  await steps.fillLogIn(person, relay, { ...ada, password: wrongPassword });
  await expect(page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  await page.goto(`${relay.origin}/recover`);
  await page.getByLabel(text.logIn.handle, { exact: true }).fill(ada.handle);
  await page.getByLabel(text.recover.key, { exact: true }).fill(key);
  await page.getByLabel(text.recover.newPassword, { exact: true }).fill(newPassword);
  await page.getByRole('button', { name: text.recover.submit }).click();
}

type Traces = { wire: Trace[]; kept: Trace[] };

/** What is searched is all there is: a search of nothing would find nothing, too. */
function expectWhole({ wire, kept }: Traces): void {
  const bytesOf = (traces: Trace[]) => traces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const log = kept.filter(({ name }) => name.endsWith('.log'));
  expect(kept.some(({ name, bytes }) => name.endsWith('sotto.sqlite') && bytes.length > 0)).toBe(true);
  expect(kept.some(({ name, bytes }) => name.includes('blobs') && bytes.length > FILE_BYTES)).toBe(true);
  expect(log.some(({ bytes }) => /\b(TRACE|DEBUG)\b/.test(bytes.toString()))).toBe(true);
  // Up and down again: a file, and hundreds of texts, none of which takes less than 256 bytes.
  expect(bytesOf(wire)).toBeGreaterThan(2 * FILE_BYTES + 4 * BURST * 256);
}

/** Tokens travel (header, first frame, cookie), but they are kept and logged nowhere. */
async function tokensOf(people: Person[], wire: Trace[]): Promise<string[]> {
  const spoken = wire.map(({ bytes }) => bytes.toString('latin1')).join('\n');
  const access = [...spoken.matchAll(/authorization: bearer ([\w.-]+)/gi)].map((match) => match[1] ?? '');
  const refresh = (await Promise.all(people.map(({ context }) => context.cookies()))).flat().map(({ value }) => value);
  expect(access.length).toBeGreaterThan(0);
  expect(refresh.length).toBeGreaterThanOrEqual(people.length);
  return [...new Set([...access, ...refresh])];
}

/** Each of them, in each encoding, would have been found where the relay's own bytes lie around it. */
function expectSeen(canaries: string[], kept: Trace[]): void {
  const [database] = kept.filter(({ name }) => name.endsWith('sotto.sqlite'));
  if (!database) throw new Error('no database was kept');
  const planted = canaries.flatMap((words) => plantable(words));

  const found = findCanaries(canaries, [plantedIn(database, planted)]);

  const seen = new Set(found.map(({ canary: words, encoding, where }) => `${words} ${where.includes('gzip') ? 'gzip' : encoding}`));
  const wanted = canaries.flatMap((words) => plantable(words).map(({ encoding }) => `${words} ${encoding}`));
  expect(wanted.filter((one) => !seen.has(one))).toEqual([]);
}
