import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

type Told = { title: string; body: string };

declare global {
  interface Window {
    told: Notification[];
  }
}

story('somebody who looks elsewhere is told who wrote, and how much is unread', async ({ relay, person }) => {
  const first = await person({ permissions: ['notifications'] });
  const second = await person();
  await keepNotifications(first);
  await steps.twoTalking({ first, second, relay });
  const { page } = first;
  await page.getByRole('link', { name: text.settings }).click();
  await page.getByRole('link', { name: text.settingsPages.notifications }).click();
  await page.getByRole('switch', { name: text.notifications.on }).click();
  await expect(page.getByRole('switch', { name: text.notifications.showName })).toBeChecked();
  await page.getByRole('link', { name: text.chats }).click();
  await steps.openChat(first, ben);
  await steps.write(second, ada, 'Said while you look.');
  await expect(steps.bubble(first, 'Said while you look.')).toBeVisible(PATIENT);
  await expect(page).toHaveTitle(text.unreadTitle(0));

  const lookBack = await first.lookAway();
  await steps.write(second, ada, 'The first one.');
  await steps.write(second, ada, 'The second one.');

  const said: Told = { title: ben.name, body: text.notifications.newMessage };
  await expect.poll(() => told(first), PATIENT).toEqual([said, said]);
  await expect(page).toHaveTitle(text.unreadTitle(2));
  await expect(page.getByRole('link', { name: new RegExp(ben.name) }).getByRole('img', { name: text.unreadLabel(2) })).toBeVisible();

  await lookBack();
  await expect(page).toHaveTitle(text.unreadTitle(0));
  await expect(page.getByRole('img', { name: text.unreadLabel(2) })).toHaveCount(0);
});

story('a notification shows the words only if that was asked for, and opens its chat', async ({ relay, person }) => {
  const first = await person({ permissions: ['notifications'] });
  const second = await person();
  await keepNotifications(first);
  await steps.twoTalking({ first, second, relay });
  const { page } = first;
  await page.goto(`${relay.origin}/settings/notifications`);
  await page.getByRole('switch', { name: text.notifications.on }).click();
  await page.getByRole('switch', { name: text.notifications.showText }).click();

  const lookBack = await first.lookAway();
  await steps.write(second, ada, 'Bring the *red* lamp.');
  await expect.poll(() => told(first), PATIENT).toEqual([{ title: ben.name, body: 'Bring the red lamp.' }]);
  await lookBack();
  await page.evaluate(() => window.told[0]?.dispatchEvent(new Event('click')));

  await expect(page.getByRole('heading', { level: 1, name: ben.name })).toBeVisible();
  await expect(steps.bubble(first, 'Bring the red lamp.')).toBeVisible();
  await expect(page).toHaveTitle(text.unreadTitle(0));
});

/** The browser shows them as ever; here they are kept too, so that a story can read and press them. */
async function keepNotifications({ context }: Person): Promise<void> {
  await context.addInitScript(() => {
    window.told = [];
    const Shown = window.Notification;
    window.Notification = class extends Shown {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        window.told.push(this);
      }
    };
  });
}

async function told({ page }: Person): Promise<Told[]> {
  return page.evaluate(() => window.told.map(({ title, body }) => ({ title, body })));
}
