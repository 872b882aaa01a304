import { createHmac } from 'node:crypto';
import { text } from '../src/text/en';
import type { Person } from './harness/person';
import type { Relay } from './harness/relay';
import * as steps from './harness/steps';
import { ada, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const STEP_MS = 30_000;
const words = text.factors;

story('a new browser is let in by password and code, and by a recovery code once', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const { secret, codes } = await setUp(first);
  expect(codes).toHaveLength(10);

  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { name: words.pageTitle })).toBeVisible(PATIENT);
  await showCode(second, '000000');
  await expect(second.page.getByText(text.error.factorWrong)).toBeVisible(PATIENT);
  // The step of the set-up is used; the relay takes the next one a little early.
  await showCode(second, appCode(secret, Date.now() + STEP_MS));
  await expect(second.page.getByRole('heading', { name: text.chats })).toBeVisible(PATIENT);

  const third = await person();
  await steps.fillLogIn(third, relay, ada);
  await third.page.getByRole('button', { name: words.instead.recoveryCode }).click();
  await third.page.getByLabel(words.label.recoveryCode).fill(codes[0] ?? '');
  await third.page.getByRole('button', { name: words.go }).click();
  await expect(third.page.getByRole('heading', { name: text.chats })).toBeVisible(PATIENT);

  const fourth = await person();
  await steps.fillLogIn(fourth, relay, ada);
  await fourth.page.getByRole('button', { name: words.instead.recoveryCode }).click();
  await fourth.page.getByLabel(words.label.recoveryCode).fill((codes[0] ?? '').toLowerCase());
  await fourth.page.getByRole('button', { name: words.go }).click();
  await expect(fourth.page.getByText(text.error.factorUsed)).toBeVisible(PATIENT);
});

story('after too many wrong codes the password comes first again', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await setUp(first);
  const stranger = await person();
  await steps.fillLogIn(stranger, relay, ada);

  for (let tries = 0; tries < 5; tries += 1) {
    await showCode(stranger, `00000${tries}`);
    await expect(stranger.page.getByText(text.error.factorWrong)).toBeVisible(PATIENT);
    await expect(stranger.page.getByLabel(words.label.totp)).toHaveValue('');
  }
  await showCode(stranger, '000005');

  await expect(stranger.page.getByText(text.error.factorTriesExhausted)).toBeVisible(PATIENT);
  await expect(stranger.page.getByLabel(text.logIn.password, { exact: true })).toBeVisible();
});

story('turned off by password and code, the second step is asked for no more', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const { secret } = await setUp(first);

  await first.page.getByRole('button', { name: `${words.turnOff}: ${words.app}` }).click();
  await provePassword(first);
  const dialog = first.page.getByRole('dialog');
  await dialog.getByLabel(words.label.totp).fill(appCode(secret, Date.now() + STEP_MS));
  await dialog.getByRole('button', { name: words.go }).click();
  await expect(first.page.getByText(words.isOff)).toBeVisible(PATIENT);

  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { name: text.chats })).toBeVisible(PATIENT);
});

story('codes by e-mail are set up, and asked for from then on', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  await openSecurity(first);
  await first.page.getByRole('button', { name: `${words.setUp}: ${words.email}` }).click();
  await provePassword(first);
  const dialog = first.page.getByRole('dialog');
  await dialog.getByLabel(words.address).fill('ada@example.org');
  await dialog.getByRole('button', { name: words.send }).click();
  await expect(dialog.getByLabel(words.label.email)).toBeVisible(PATIENT);
  await dialog.getByLabel(words.label.email).fill(mailedCode(relay));
  await dialog.getByRole('button', { name: words.turnOn }).click();
  const codes = dialog.getByRole('list', { name: words.codes }).getByRole('listitem');
  await expect(codes).toHaveCount(10, PATIENT);
  const spare = (await codes.first().textContent()) ?? '';
  await dialog.getByRole('button', { name: words.codesSaved }).click();
  await expect(first.page.getByText(words.sentTo('ada@example.org'))).toBeVisible(PATIENT);

  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await expect(second.page.getByRole('heading', { name: words.pageTitle })).toBeVisible(PATIENT);
  // A minute has to pass between two mails; who can't wait has the recovery codes.
  await second.page.getByRole('button', { name: words.send }).click();
  await expect(second.page.getByRole('status').getByText(/Too many tries/)).toBeVisible(PATIENT);
  await second.page.getByRole('button', { name: words.instead.recoveryCode }).click();
  await second.page.getByLabel(words.label.recoveryCode).fill(spare);
  await second.page.getByRole('button', { name: words.go }).click();
  await expect(second.page.getByRole('heading', { name: text.chats })).toBeVisible(PATIENT);
});

async function openSecurity({ page }: Person): Promise<void> {
  await page.getByRole('link', { name: text.settings }).first().click();
  await page.getByRole('link', { name: text.settingsPages.security }).click();
}

/** The code of the one mail that the relay has written. */
function mailedCode(relay: Relay): string {
  const [mail, ...more] = relay.mails();
  expect(more).toEqual([]);
  return /^ {4}(\d{4} \d{4})/m.exec(mail ?? '')?.[1] ?? '';
}

/** Turns the authenticator app on, as the app would: from the letters under the code. */
async function setUp(someone: Person): Promise<{ secret: string; codes: string[] }> {
  const { page } = someone;
  await openSecurity(someone);
  await page.getByRole('button', { name: `${words.setUp}: ${words.app}` }).click();
  await provePassword(someone);
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('img', { name: words.qr })).toBeVisible(PATIENT);
  const secret = ((await dialog.getByText(/^([A-Z2-7]{4} ){7}[A-Z2-7]{4}$/).textContent()) ?? '').replaceAll(' ', '');
  await dialog.getByLabel(words.label.totp).fill(appCode(secret, Date.now()));
  await dialog.getByRole('button', { name: words.turnOn }).click();
  const items = dialog.getByRole('list', { name: words.codes }).getByRole('listitem');
  await expect(items).toHaveCount(10, PATIENT);
  const codes = await items.allTextContents();
  await dialog.getByRole('button', { name: words.codesSaved }).click();
  await expect(page.getByText(words.isOn)).toBeVisible();
  return { secret, codes };
}

async function provePassword({ page }: Person): Promise<void> {
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(text.logIn.password, { exact: true }).fill(ada.password);
  await dialog.getByRole('button', { name: words.next }).click();
}

async function showCode({ page }: Person, code: string): Promise<void> {
  await page.getByLabel(words.label.totp).fill(code);
  await page.getByRole('button', { name: words.go }).click();
}

/** RFC 6238, written apart from the relay's. */
function appCode(secret: string, at: number): string {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / STEP_MS)));
  const hash = createHmac('sha1', key).update(counter).digest();
  const offset = (hash.at(-1) ?? 0) & 0x0f;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
