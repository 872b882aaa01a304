import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const SCREENS = 'test-results/screens';

story('a new name shows in the peer’s list and conversation, and in one’s other browser', async ({ relay, person }) => {
  const first = await person();
  const peer = await person();
  await steps.twoTalking({ first, second: peer, relay });
  const second = await person();
  await steps.fillLogIn(second, relay, ada);
  await steps.openChat(second, ben);
  await second.page.goto(`${relay.origin}/settings/profile`);
  await expect(second.page.getByText(ada.name, { exact: true })).toBeVisible(PATIENT);

  await first.page.goto(`${relay.origin}/settings/profile`);
  await first.page.getByRole('button', { name: text.profile.edit }).click(PATIENT);
  await first.page.screenshot({ path: `${SCREENS}/profile-edit.png` });
  await first.page.getByLabel(text.create.name, { exact: true }).fill('Ada Lovelace');
  await first.page.getByRole('radio', { name: 'Plum' }).check({ force: true });
  await first.page.getByRole('button', { name: text.profile.save }).click();

  await expect(peer.page.getByRole('heading', { level: 1, name: 'Ada Lovelace' })).toBeVisible(PATIENT);
  await expect(peer.page.getByRole('link', { name: /Ada Lovelace/ })).toBeVisible();
  await expect(second.page.getByText('Ada Lovelace', { exact: true })).toBeVisible(PATIENT);
  await peer.page.screenshot({ path: `${SCREENS}/profile-seen-by-peer.png` });
});
