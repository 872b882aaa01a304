import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { text } from '../src/text/en';
import { Liar, flipped, flippedText, keepFirstLists, swapIdentity } from './harness/liar';
import type { Opened } from './harness/liar';
import type { Person } from './harness/person';
import type { Relay } from './harness/relay';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

story('a relay that swaps the key of a verified contact is told of, and sending waits', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await steps.verify(first, second);
  const lies = await swapIdentity(first);

  // A new device of Ben's is a reason to ask the directory about him.
  const third = await person();
  await steps.fillLogIn(third, relay, ben);
  await steps.openChat(third, ada);

  const { page } = first;
  const dialog = page.getByRole('dialog', { name: text.keyChanged.title(ben.name) });
  await expect(dialog).toBeVisible(PATIENT);
  expect(lies()).toBeGreaterThan(0);
  await expect(dialog.getByText(text.keyChanged.textVerified(ben.name))).toBeVisible();
  await dialog.getByRole('button', { name: text.keyChanged.notNow }).click();
  await expect(page.getByText(text.composer.waiting(ben.name))).toBeVisible();
  await expect(page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified })).toHaveCount(0);

  await steps.write(first, ben, 'Not for the relay to read.');
  await expect(steps.bubble(first, 'Not for the relay to read.').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await steps.write(second, ada, 'Are you there?');
  await expect(steps.bubble(first, 'Are you there?')).toBeVisible(PATIENT);
  await expect(steps.bubble(first, 'Not for the relay to read.').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await expect(steps.bubble(second, 'Not for the relay to read.')).toHaveCount(0);
});

story('a relay that goes back to an old device list is told of, and sending waits until the person decides', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  const goBack = await keepFirstLists(first);
  await steps.twoTalking({ first, second, relay });
  const { page } = first;
  // Ben comes with a new device, which Ada sees; then the relay takes it back.
  const third = await person();
  await steps.fillLogIn(third, relay, ben);
  await steps.openChat(third, ada);
  const feed = page.getByRole('feed');
  await expect(feed.getByText(text.notice.deviceAdded(ben.name))).toBeVisible(PATIENT);
  await steps.write(first, ben, 'I see your new browser.');
  await steps.expectSent(first, 'I see your new browser.');

  goBack();
  await page.getByRole('button', { name: text.list.newChat }).first().click();
  await page.getByRole('textbox', { name: text.newChat.handle }).fill(`@${ben.handle}`);
  await page.getByRole('button', { name: text.newChat.submit }).click();
  await expect(page.getByRole('dialog').getByText(text.error.relayMisbehaved)).toBeVisible(PATIENT);
  await page.keyboard.press('Escape');

  await expect(feed.getByText(text.notice.deviceListRefused(ben.name, text.listFault.rolledBack))).toBeVisible(PATIENT);
  await expect(page.getByText(text.composer.listRefused(ben.name))).toBeVisible();
  await steps.write(first, ben, 'Who reads this?');
  await expect(steps.bubble(first, 'Who reads this?').getByRole('img', { name: text.delivery.queued })).toBeVisible();
  await page.getByRole('button', { name: text.composer.sendAnyway }).click();
  await steps.expectSent(first, 'Who reads this?');
  await expect(steps.bubble(second, 'Who reads this?')).toBeVisible(PATIENT);
});

const OPENED = /\/v1\/sessions\/login\/finish/;

/** What is said to whoever opens Ben's account. */
async function openingOf(other: Person, relay: Relay): Promise<Opened> {
  const heard: Opened[] = [];
  const listener = await Liar.about(other, OPENED);
  listener.tell((body) => {
    heard.push(JSON.parse(body.toString()) as Opened);
    return body;
  });
  await steps.fillLogIn(other, relay, ben);
  await expect.poll(() => heard.length, PATIENT).toBe(1);
  return heard[0] as Opened;
}

story('lies to somebody who signs in are told, and the honest relay lets the same browser in', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await Promise.all([steps.createAccount(first, relay, ada), steps.createAccount(second, relay, ben)]);
  const bens = await openingOf(await person(), relay);
  const lies: ((opened: Opened) => Opened)[] = [
    (opened) => ({ ...opened, wraps: bens.wraps }),
    (opened) => ({ ...opened, wraps: opened.wraps.map((wrap) => ({ ...wrap, bytes: flippedText(wrap.bytes) })) }),
    (opened) => ({ ...opened, device_list: bens.device_list }),
    (opened) => ({ ...opened, device_list: flippedText(opened.device_list) }),
    (opened) => ({ ...opened, vault: bens.vault }),
  ];
  const third = await person();
  const told = await Liar.about(third, OPENED);
  for (const lie of lies) {
    told.tell((body) => Buffer.from(JSON.stringify(lie(JSON.parse(body.toString()) as Opened))));
    await steps.fillLogIn(third, relay, ada);
    await expect(third.page.getByText(text.error.relayMisbehaved)).toBeVisible(PATIENT);
  }
  expect(told.lies).toBe(lies.length);
  told.tell(null);
  await third.page.getByRole('button', { name: text.logIn.submit }).click();
  await expect(third.page.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
});

story('a relay that gives changed key packages to whoever starts a chat is told of, and nobody is written to', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await Promise.all([steps.createAccount(first, relay, ada), steps.createAccount(second, relay, ben)]);
  const liar = await Liar.about(first, /\/v1\/key-packages\/claim/);
  liar.tell(flipped);

  await first.page.getByRole('button', { name: text.list.newChat }).first().click();
  await first.page.getByRole('textbox', { name: text.newChat.handle }).fill(`@${ben.handle}`);
  await first.page.getByRole('button', { name: text.newChat.submit }).click();

  await expect(first.page.getByRole('dialog').getByText(text.error.relayMisbehaved)).toBeVisible(PATIENT);
  expect(liar.lies).toBeGreaterThan(0);
  liar.tell(null);
  await first.page.getByRole('button', { name: text.newChat.submit }).click();
  await expect(first.page.getByRole('heading', { level: 1, name: ben.name })).toBeVisible(PATIENT);
});

story('a file whose bytes the relay changed is told of, and not opened', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const path = info.outputPath('ledger.bin');
  writeFileSync(path, randomBytes(200_000));
  await steps.attach(first, path);
  await steps.expectSent(first, 'ledger.bin');
  const liar = await Liar.about(second, /\/v1\/blobs\//);
  liar.tell(flipped);

  await second.page.getByRole('button', { name: text.files.download('ledger.bin') }).click(PATIENT);

  await expect(second.page.getByText(text.error.fileDamaged)).toBeVisible(PATIENT);
  expect(liar.lies).toBeGreaterThan(0);
});

story('a relay that shows a new browser another state of a conversation is told of, and nothing is sent there', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const third = await person();
  const liar = await Liar.about(third, /\/v1\/groups\/[\w-]+\/info/);
  liar.tell(flipped);

  await steps.fillLogIn(third, relay, ada);
  await steps.openChat(third, ben);

  await expect(third.page.getByRole('feed').getByText(text.notice.unreadable)).toBeVisible(PATIENT);
  expect(liar.lies).toBeGreaterThan(0);
  await expect(third.page.getByRole('textbox', { name: text.composer.message(ben.name) })).toHaveCount(0);
  await expect(third.page.getByText(text.composer.ended(ben.name))).toBeVisible();

  liar.tell(null);
  await third.page.getByRole('button', { name: text.composer.beginAgain }).click();
  await steps.write(third, ben, 'In again.');
  await expect(steps.bubble(second, 'In again.')).toBeVisible(PATIENT);
});

story('a relay that changes contacts and settings is told of, and nothing is taken from it', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const liar = await Liar.about(first, /\/v1\/records\?/);
  liar.tell(() => Buffer.from('no page'));

  await first.page.reload();

  await expect(first.page.getByText(text.recordsTrouble.forged.what)).toBeVisible(PATIENT);
  expect(liar.lies).toBeGreaterThan(0);
  await steps.openChat(first, ben);
});
