import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const SCREENS = 'test-results/screens';

story('a person blocked in one browser is blocked in the other, and heard again after unblocking', async ({ relay, person }) => {
  const first = await person();
  const peer = await person();
  await steps.twoTalking({ first, second: peer, relay });
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await steps.openChat(second, ben);

  await first.page.getByRole('button', { name: text.conversation.details, exact: true }).click();
  await first.page.getByRole('button', { name: text.contact.block(ben.name) }).click();
  await first.page.screenshot({ path: `${SCREENS}/block-dialog.png` });
  await first.page.getByRole('dialog').getByRole('button', { name: text.contact.blockAction }).click();
  await expect(second.page.getByText(text.contact.blockedNote(ben.name))).toBeVisible(PATIENT);
  await first.page.screenshot({ path: `${SCREENS}/blocked.png` });

  await steps.write(peer, ada, 'Can you hear me?');
  await steps.expectSent(peer, 'Can you hear me?');
  await second.page.getByRole('button', { name: text.contact.unblock }).click();
  await steps.write(peer, ada, 'And now?');

  for (const browser of [first, second]) {
    await expect(steps.bubble(browser, 'And now?')).toBeVisible(PATIENT);
    await expect(steps.bubble(browser, 'Can you hear me?')).toHaveCount(0);
  }
});
