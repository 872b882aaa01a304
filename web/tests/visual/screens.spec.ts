import { AxeBuilder } from '@axe-core/playwright';
import { expect } from '@playwright/test';
import type { Page } from '@playwright/test';
import { now } from './demo';
import { test } from './served';

/** `night: 'the same'`: nothing on it has a colour that another screen hasn't. */
type Screen = { name: string; path: string; prepare?: (page: Page) => Promise<void>; night?: 'the same' };

const open = (path: string, prepare?: Screen['prepare']) => ({ path, ...(prepare ? { prepare } : {}) });

const screens: Screen[] = [
  { name: '01-welcome', ...open('/?boot=fresh') },
  { name: '01b-relay-sees', ...open('/?boot=fresh', async (page) => page.getByRole('button', { name: 'What can this relay see?' }).click()) },
  { name: '02-recovery', ...open('/recovery-key?unsaved') },
  { name: '03-conversation', ...open('/c/bob') },
  { name: '03b-upload', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.evaluate(() => window.emit({ type: 'transferProgress', messageId: 'bob-5', direction: 'up', doneBytes: 14_800_000, totalBytes: 23_900_000 }));
  }) },
  { name: '03c-scrolled', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    // While the rows are being measured the feed holds on to its end; after that it lets go.
    await expect(async () => {
      await page.getByRole('feed').evaluate((feed) => feed.scrollBy(0, -700));
      await expect(page.getByRole('button', { name: 'Jump to the newest message' })).toBeVisible({ timeout: 300 });
    }).toPass();
  }) },
  { name: '03d-long', night: 'the same', ...open('/c/maria?crowded', async (page) => page.getByRole('feed').getByText('👍').waitFor()) },
  { name: '03e-right-to-left', night: 'the same', ...open('/c/layla?crowded', async (page) => page.getByRole('feed').getByText('בעברית').waitFor()) },
  { name: '03f-many', night: 'the same', ...open('/c/many?crowded', async (page) => page.getByRole('feed').getByText('Line 300', { exact: true }).waitFor()) },
  { name: '03g-toast', night: 'the same', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.evaluate(() => { window.script.script.failures.sendText = 'storeFailed'; });
    await page.getByRole('textbox', { name: 'Message Bob' }).fill('One\ntwo\nthree\nfour');
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.getByRole('status').getByText('couldn’t write to its store').waitFor();
  }) },
  { name: '03h-drop', night: 'the same', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.getByRole('feed').evaluate((feed) => {
      const carried = new DataTransfer();
      carried.items.add(new File(['a'], 'a.txt'));
      feed.dispatchEvent(new DragEvent('dragenter', { dataTransfer: carried, bubbles: true }));
    });
    await page.getByText('Drop to send to Bob').waitFor();
  }) },
  { name: '03i-lightbox', night: 'the same', ...open('/c/bob', async (page) => {
    await page.getByRole('button', { name: 'Open Slip at dawn.jpg' }).click();
    await page.getByRole('dialog').getByRole('img').waitFor();
  }) },
  { name: '04-details', ...open('/c/bob/details', async (page) => page.getByText('46170').waitFor()) },
  { name: '04b-details-long', night: 'the same', ...open('/c/maria/details?crowded', async (page) => page.getByText('46170').waitFor()) },
  { name: '04c-withdraw', night: 'the same', ...open('/c/bob/details', async (page) => page.getByRole('button', { name: 'Not the same' }).click()) },
  { name: '04d-block', night: 'the same', ...open('/c/bob/details', async (page) => page.getByRole('button', { name: 'Block Bob' }).click()) },
  { name: '04e-blocked', ...open('/c/bob', async (page) => {
    await page.evaluate(() => window.script.call('blockContact', { accountId: 'bob' }));
    await page.getByText('You blocked Bob.').waitFor();
  }) },
  { name: '04f-ended', ...open('/c/bob', async (page) => {
    await page.evaluate(async () => {
      for (const conversation of await window.script.call('listConversations', {})) window.emit({ type: 'conversationChanged', conversation: { ...conversation, ended: true } });
    });
    await page.getByRole('button', { name: 'Begin it again' }).waitFor();
  }) },
  { name: '04g-request', ...open('/c/carol', async (page) => {
    await page.evaluate(async () => {
      for (const conversation of await window.script.call('listConversations', {})) {
        if (conversation.groupId === 'carol') window.emit({ type: 'conversationChanged', conversation: { ...conversation, peer: { ...conversation.peer, requested: true } } });
      }
    });
    await page.getByRole('button', { name: 'Accept' }).waitFor();
  }) },
  { name: '04h-remove', night: 'the same', ...open('/c/bob/details', async (page) => page.getByRole('button', { name: 'Remove Bob' }).click()) },
  { name: '05-chats', ...open('/') },
  { name: '05b-empty', ...open('/?empty') },
  { name: '05c-unsaved-offline', ...open('/?unsaved', async (page) => {
    await page.evaluate(() => window.emit({ type: 'connectionChanged', connection: { state: 'offline', retryAt: null }, queued: 3 }));
  }) },
  { name: '05d-crowded', night: 'the same', ...open('/?crowded') },
  { name: '05e-no-match', night: 'the same', ...open('/', async (page) => page.getByRole('searchbox').fill('heidi')) },
  { name: '18-locked', ...open('/?boot=locked', async (page) => {
    await page.getByLabel('Passphrase', { exact: true }).fill('nine brass lamps');
    await page.getByRole('button', { name: 'Unlock' }).click();
    await page.getByText('That isn’t the passphrase').waitFor();
  }) },
  { name: '18b-give-up', ...open('/?boot=locked', async (page) => page.getByRole('button', { name: 'Forgot the passphrase?' }).click()) },
  { name: '18c-lock-settings', ...open('/settings/security?locked', async (page) => page.getByText('Locked with a passphrase').waitFor()) },
  { name: '18d-set-lock', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Set a passphrase' }).click();
    await page.getByLabel('New passphrase').fill('nine brass lanterns');
    await page.getByLabel('The same once more').fill('nine brazz');
    await page.getByText('These two are not the same').waitFor();
  }) },
  { name: '18e-change-lock', night: 'the same', ...open('/settings/security?locked', async (page) => page.getByRole('button', { name: 'Change', exact: true }).click()) },
  { name: '18f-not-my-computer', ...open('/log-in?boot=fresh', async (page) => page.getByRole('switch', { name: /This is not my computer/ }).click()) },
  { name: '09-devices', ...open('/settings/devices', async (page) => page.getByRole('button', { name: 'Remove all others' }).waitFor()) },
  { name: '09a-remove', ...open('/settings/devices', async (page) => {
    await page.evaluate(() => { window.script.script.failures.removeDevices = 'wrongPassword'; });
    await page.getByRole('button', { name: 'Remove Chrome on Android' }).click();
    await page.getByLabel('Your password').fill('correct hrose');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.getByText('That doesn’t open it').waitFor();
  }) },
  { name: '09b-removed', night: 'the same', ...open('/settings/devices', async (page) => {
    await page.getByRole('button', { name: 'Wasn’t me' }).click();
    await page.getByLabel('Your password').fill('correct horse battery');
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.getByText('Now choose a new password').waitFor();
  }) },
  { name: '09c-security', ...open('/settings/security', async (page) => page.getByText('The account was made').waitFor()) },
  { name: '09e-knowledge', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Show it' }).click();
    await page.getByText('4 rows').waitFor();
    await page.getByText('4 rows').scrollIntoViewIfNeeded();
  }) },
  { name: '09d-security-refused', ...open('/settings/security', async (page) => {
    await page.getByText('The account was made').waitFor();
    await page.evaluate(() => window.script.refuseAudit('rewritten'));
    await page.getByText('says something else').waitFor();
  }) },
  { name: '05d-audit-refused', ...open('/', async (page) => {
    await page.getByRole('heading', { name: 'Chats' }).waitFor();
    await page.evaluate(() => window.script.refuseAudit('rolledBack'));
    await page.getByRole('alert').waitFor();
  }) },
  { name: '09f-second-step', night: 'the same', ...open('/settings/security?guarded', async (page) => page.getByText('9 of 10 left').waitFor()) },
  { name: '09g-authenticator', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Set up: Authenticator app' }).click();
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('img', { name: 'Code for the authenticator app' }).waitFor();
  }) },
  { name: '09h-recovery-codes', ...open('/settings/security?guarded', async (page) => {
    await page.getByRole('button', { name: 'New codes' }).click();
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('Code from your app').fill('123456');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
  }) },
  { name: '09j-email', night: 'the same', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Set up: Codes by e-mail' }).click();
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByLabel('E-mail address').fill('alice@example.org');
    await page.getByRole('button', { name: 'Send a code' }).click();
    await page.getByText('We sent eight digits').waitFor();
  }) },
  { name: '09i-end-session', night: 'the same', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Sign out Chrome on Android' }).click();
    await page.getByRole('heading', { name: 'Sign this device out?' }).waitFor();
  }) },
  { name: '09k-deletion', ...open('/settings/security', async (page) => {
    await page.getByRole('button', { name: 'Delete my account' }).click();
    await page.getByLabel('Type your handle').fill('alice');
  }) },
  { name: '09l-farewell', ...open('/settings/security', async (page) => {
    await page.getByRole('heading', { name: 'Delete your account' }).waitFor();
    await page.evaluate(() => window.emit({ type: 'signedOut', reason: 'deleted' }));
    await page.getByText('Your account is gone.').waitFor();
  }) },
  { name: '10e-account-gone', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.evaluate(() => window.script.closeConversation('bob'));
    await page.getByRole('feed').getByText('Nothing can be sent here any more').waitFor();
  }) },
  { name: '10-failed', ...open('/c/erin') },
  { name: '10b-notices', ...open('/c/grace') },
  { name: '10c-key-changed', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.evaluate(() => window.script.changeKey('bob'));
    await page.getByRole('dialog').waitFor();
  }) },
  { name: '10d-key-waiting', ...open('/c/bob', async (page) => {
    await page.getByRole('feed').getByText('Got it. Reading now.').waitFor();
    await page.evaluate(() => window.script.changeKey('bob'));
    await page.getByRole('button', { name: 'Not now' }).click();
  }) },
  { name: '10e-other-tab', ...open('/?boot=otherTab') },
  { name: '10f-store-cleared', ...open('/?boot=storeCleared') },
  { name: '10g-insecure', ...open('/?insecure') },
  { name: '10h-died', ...open('/', async (page) => {
    await page.getByRole('heading', { name: 'Chats' }).waitFor();
    await page.evaluate(() => window.emit({ type: 'fatal', code: 'coreDied' }));
    await page.getByText('Sotto restarted itself').waitFor();
    await page.evaluate(() => window.emit({ type: 'fatal', code: 'coreDied' }));
    await page.getByRole('button', { name: 'Start it again' }).waitFor();
  }) },
  { name: '11-details-unverified', ...open('/c/frank/details', async (page) => page.getByText('46170').waitFor()) },
  { name: '12-create', ...open('/create?boot=fresh', async (page) => {
    await page.getByLabel('Name', { exact: true }).fill('Alice');
    await page.getByLabel('Handle').fill('alice');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByText('@alice is free').waitFor();
  }) },
  { name: '12b-create-empty', night: 'the same', ...open('/create?boot=fresh', async (page) => page.getByRole('button', { name: 'Make my keys' }).click()) },
  { name: '13-log-in', ...open('/log-in?boot=fresh', async (page) => {
    await page.getByLabel('Handle').fill('alice');
    await page.getByLabel('Password', { exact: true }).fill('correct hrose');
    await page.evaluate(() => { window.script.script.failures.logIn = 'wrongPassword'; });
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('That doesn’t open it').waitFor();
  }) },
  { name: '13c-second-step', ...open('/log-in?boot=fresh&guarded', async (page) => {
    await page.getByLabel('Handle').fill('alice');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Code from your app').fill('000000');
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText('That isn’t the code').waitFor();
  }) },
  { name: '13d-email-code', night: 'the same', ...open('/log-in?boot=fresh&mailed', async (page) => {
    await page.getByLabel('Handle').fill('alice');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Send a code' }).click();
    await page.getByText('A code is on its way').waitFor();
  }) },
  { name: '13b-recover', ...open('/recover?boot=fresh', async (page) => {
    await page.getByLabel('Handle').fill('alice');
    await page.getByLabel('Recovery key').fill('7kq4m2xe9twbc0hn5vjd');
  }) },
  { name: '14-verify', ...open('/c/frank/details', async (page) => {
    await page.getByRole('button', { name: 'Compare numbers' }).click();
    await page.getByRole('img', { name: 'Your code' }).waitFor();
  }) },
  { name: '14b-scan', ...open('/c/frank/details', async (page) => {
    await page.getByRole('button', { name: 'Compare numbers' }).click();
    await page.getByLabel('Scan theirs').check();
    await page.getByText('Hold their code').waitFor();
  }) },
  { name: '14c-differ', night: 'the same', ...open('/c/frank/details', async (page) => {
    await page.getByRole('button', { name: 'Compare numbers' }).click();
    await page.getByRole('button', { name: 'Not the same' }).click();
    await page.getByRole('heading', { name: 'They differ' }).waitFor();
  }) },
  { name: '15-new-chat', ...open('/', async (page) => {
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByLabel('Handle').fill('@heidi');
  }) },
  { name: '16-file-review', ...open('/c/bob', async (page) => {
    const png = await page.evaluate(async () => [...new Uint8Array(await (await window.script.call('openFile', { groupId: 'bob', messageId: 'bob-10' })).blob.arrayBuffer())]);
    await page.locator('input[type=file]').setInputFiles([{ name: 'Slip at dawn.png', mimeType: 'image/png', buffer: Buffer.from(png) }]);
    await page.getByRole('dialog').getByRole('img', { name: 'Slip at dawn.png' }).waitFor();
  }) },
  { name: '17-settings', ...open('/settings/notifications') },
  { name: '17a-menu', ...open('/settings') },
  { name: '17b3-own-link', night: 'the same', ...open('/settings/profile', async (page) => {
    await page.getByRole('button', { name: 'Show your link' }).click();
    await page.getByRole('img', { name: 'Your link as a code' }).waitFor();
  }) },
  { name: '17b-profile', ...open('/settings/profile') },
  { name: '17b2-profile-edit', ...open('/settings/profile', async (page) => page.getByRole('button', { name: 'Edit' }).click()) },
  { name: '17c-appearance', ...open('/settings/appearance') },
  { name: '17d-storage', ...open('/settings/storage') },
  { name: '17e-about', ...open('/settings/about') },
  { name: '17f-log-out', ...open('/settings/profile', async (page) => page.getByRole('button', { name: 'Sign out' }).click()) },
];

const views = [
  { view: 'day', viewport: { width: 1360, height: 860 }, colorScheme: 'light' as const, deviceScaleFactor: 1 },
  { view: 'night', viewport: { width: 1360, height: 860 }, colorScheme: 'dark' as const, deviceScaleFactor: 1 },
  { view: 'phone', viewport: { width: 390, height: 844 }, colorScheme: 'light' as const, deviceScaleFactor: 1.5 },
];

for (const { view, ...use } of views) {
  test.describe(view, () => {
    test.use({ ...use, reducedMotion: 'reduce', permissions: ['camera'] });

    for (const { name, path, prepare, night } of screens) {
      if (view === 'night' && night === 'the same') continue;
      test(`${name} breaks no policy and no accessibility rule`, async ({ page, address, violations }) => {
        await page.clock.setFixedTime(now);
        await page.goto(`${address}${path}`);
        await page.locator('#root > *').first().waitFor();
        await prepare?.(page);
        await page.evaluate(() => document.fonts.ready.then(() => undefined));

        await page.screenshot({ path: `test-results/pictures/${name}-${view}.png` });
        const { violations: barriers } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();

        expect(barriers.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)).toEqual([]);
        expect(violations).toEqual([]);
      });
    }
  });
}

test('a long name makes room for the mark and the time beside it', async ({ page, address }) => {
  for (const inlineSize of [390, 1360]) {
    await page.setViewportSize({ width: inlineSize, height: 844 });
    await page.goto(`${address}/?crowded`);
    const row = page.getByRole('link', { name: /Maria-Magdalena/ });
    const [name, mark, time, whole] = await Promise.all([row.locator('bdi'), row.getByRole('img', { name: 'Verified' }), row.locator('time'), row].map(async (part) => part.boundingBox()));
    if (!name || !mark || !time || !whole) throw new Error('a part is not drawn');

    expect(name.x + name.width).toBeLessThanOrEqual(mark.x);
    expect(mark.x + mark.width).toBeLessThanOrEqual(time.x);
    expect(time.x + time.width).toBeLessThanOrEqual(whole.x + whole.width);
  }
});
