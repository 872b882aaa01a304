import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const PICTURES = 'test-results/screens';
const DESK = { width: 1360, height: 860 };

story('two people talk, compare their numbers, and are verified to each other', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await first.page.setViewportSize(DESK);
  await first.page.goto(relay.origin);
  await expect(first.page.getByRole('heading', { level: 1 })).toBeVisible();
  await first.page.screenshot({ path: `${PICTURES}/welcome.png` });

  await steps.makeKeys(first, relay, ada);
  await first.page.screenshot({ path: `${PICTURES}/recovery-key.png`, fullPage: true });
  await steps.retypeRecoveryKey(first);
  await steps.createAccount(second, relay, ben);
  await steps.talk(first, second);
  await steps.expectSent(first, 'Is this the place?');
  await steps.expectSent(second, 'It is. Come in.');

  const seenByAda = await steps.compare(first);
  const seenByBen = await steps.compare(second);
  expect(seenByAda).toHaveLength(12);
  expect(seenByBen).toEqual(seenByAda);
  await first.page.screenshot({ path: `${PICTURES}/compare.png` });
  await steps.sayTheyMatch(first);
  await steps.sayTheyMatch(second);
  await first.page.screenshot({ path: `${PICTURES}/details.png` });

  await steps.write(second, ada, 'The ferry leaves at seven. I bring the keys, you bring the bread.');
  await expect(steps.bubble(first, 'The ferry leaves at seven.')).toBeVisible(PATIENT);
  await steps.write(first, ben, 'Agreed. And not a word to the harbour master.');
  await steps.expectSent(first, 'Agreed.');
  await steps.write(second, ada, 'He reads `relay.db`, not us.');
  await expect(steps.bubble(first, 'not us.')).toBeVisible(PATIENT);
  await expect(first.page.getByText(text.contact.nowVerified(ben.name))).toHaveCount(0);
  await first.page.screenshot({ path: `${PICTURES}/conversation.png` });
  await second.page.setViewportSize({ width: 390, height: 844 });
  await second.page.getByRole('button', { name: text.back }).first().click();
  await expect(second.page.getByText(text.contact.nowVerified(ada.name))).toHaveCount(0);
  await second.page.screenshot({ path: `${PICTURES}/phone.png` });
});

story('what was said outlasts a reload, and what was said meanwhile arrives', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });

  await second.leave();
  await steps.write(first, ben, 'Said while you were away.');
  await steps.expectSent(first, 'Said while you were away.');
  await second.comeBack(relay.origin);
  await expect(second.page.getByText(text.list.unread).first()).toBeVisible();
  await expect(second.page).toHaveTitle(text.unreadTitle(1), PATIENT);
  await steps.openChat(second, ada);
  await expect(steps.bubble(second, 'Said while you were away.')).toHaveCount(1, PATIENT);

  await second.page.reload();
  for (const words of ['Is this the place?', 'It is. Come in.', 'Said while you were away.']) {
    await expect(steps.bubble(second, words)).toHaveCount(1, PATIENT);
  }
  await expect(second.page).toHaveTitle(text.unreadTitle(0));
});

story('what was shown as sent in a burst survives the kill of the relay, once and in order', async ({ relay, person }) => {
  const first = await person();
  const second = await person();
  // Chromium tells of every connection that fails while the relay is down.
  first.foresee(/WebSocket connection to .* failed/);
  second.foresee(/WebSocket connection to .* failed/);
  // High enough to draw the whole burst at once.
  await first.page.setViewportSize({ width: 1280, height: 3600 });
  await second.page.setViewportSize({ width: 1280, height: 3600 });
  await steps.twoTalking({ first, second, relay });
  const burst = Array.from({ length: 30 }, (_, index) => `burst-${String(index).padStart(2, '0')}`);

  for (const words of burst.slice(0, 12)) await steps.write(first, ben, words);
  const killed = relay.kill();
  for (const words of burst.slice(12)) await steps.write(first, ben, words);
  await killed;
  await relay.run();

  for (const words of burst) await steps.expectSent(first, words);
  await expect(steps.bubble(second, 'burst-29')).toBeVisible(PATIENT);
  const said = (await second.page.getByRole('article').allInnerTexts()).flatMap((words) => words.match(/burst-\d\d/) ?? []);
  expect(said).toEqual(burst);
});

story('a second tab says so, and can take over', async ({ relay, person }) => {
  const first = await person();
  await steps.createAccount(first, relay, ada);
  const other = await first.context.newPage();
  await other.goto(relay.origin);

  await expect(other.getByRole('heading', { name: text.otherTab.title })).toBeVisible();
  await other.getByRole('button', { name: text.otherTab.action }).click();

  await expect(other.getByRole('heading', { level: 1, name: text.chats })).toBeVisible(PATIENT);
  await expect(first.page.getByRole('heading', { name: text.otherTab.title })).toBeVisible();
});
