import { readFileSync, writeFileSync } from 'node:fs';
import { text } from '../src/text/en';
import { dragOver } from './harness/drag';
import * as steps from './harness/steps';
import { ben, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

/** Large enough for a relay to refuse that takes half of it. */
const BALLAST = Buffer.from('ballast, '.repeat(40_000));

story('files are picked with the button, dropped, and pasted, and arrive', async ({ relay, person }, info) => {
  const first = await person({ permissions: ['clipboard-read', 'clipboard-write'] });
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const { page } = first;
  const review = page.getByRole('dialog', { name: text.files.review(ben.name) });
  const send = review.getByRole('button', { name: text.composer.send, exact: true });
  const file = (name: string) => {
    const path = info.outputPath(name);
    writeFileSync(path, `the bytes of ${name}`);
    return path;
  };

  const asked = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: text.composer.attach }).click();
  await (await asked).setFiles([file('picked.txt'), file('picked-too.txt')]);
  await review.getByLabel(text.files.caption).fill('Two by the button');
  await send.click();

  const drop = await dragOver(page.getByRole('feed'), [file('dropped.txt')]);
  await expect(page.getByText(text.composer.drop(ben.name))).toBeVisible();
  await drop();
  await expect(page.getByText(text.composer.drop(ben.name))).toHaveCount(0);
  await send.click();

  await copyPicture(first);
  await page.getByRole('textbox', { name: text.composer.message(ben.name) }).press('Control+V');
  await expect(review.getByRole('img', { name: 'image.png' })).toBeVisible();
  await send.click();

  for (const name of ['picked.txt', 'picked-too.txt', 'dropped.txt']) {
    expect(await saved(second, name), name).toBe(`the bytes of ${name}`);
  }
  await expect(steps.bubble(second, 'picked.txt').getByText('Two by the button')).toBeVisible();
  const picture = second.page.getByRole('img', { name: 'image.png' });
  await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(64);
});

story('what was taken off the list before sending is not sent', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const paths = ['kept.txt', 'thought-better-of.txt'].map((name) => info.outputPath(name));
  paths.forEach((path) => writeFileSync(path, path));

  await first.page.locator('input[type=file]').setInputFiles(paths);
  await first.page.getByRole('button', { name: text.files.remove('thought-better-of.txt') }).click();
  await first.page.getByRole('dialog').getByRole('button', { name: text.composer.send, exact: true }).click();
  await steps.expectSent(first, 'kept.txt');
  await steps.write(first, ben, 'That was all.');

  await expect(steps.bubble(second, 'That was all.')).toBeVisible(PATIENT);
  await expect(steps.bubble(second, 'kept.txt')).toBeVisible();
  await expect(steps.bubble(second, 'thought-better-of.txt')).toHaveCount(0);
});

story('an upload that the relay refused says why, and goes when it is tried again', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  // Chromium tells of every connection that fails while the relay is away.
  first.foresee(/WebSocket connection to .* failed/);
  second.foresee(/WebSocket connection to .* failed/);
  const path = info.outputPath('ballast.bin');
  writeFileSync(path, BALLAST);

  await relay.drain();
  await relay.run({ blobBytesMax: BALLAST.length / 2 });
  await steps.attach(first, path);
  const failed = steps.bubble(first, 'ballast.bin');
  await expect(failed.getByText(text.delivery.notSent(text.error.fileTooLarge))).toBeVisible(PATIENT);
  await expect(failed.getByRole('img', { name: text.delivery.failed })).toBeVisible();
  await expect(steps.bubble(second, 'ballast.bin')).toHaveCount(0);

  await relay.drain();
  await relay.run();
  await failed.getByRole('button', { name: text.delivery.retry }).click();

  await steps.expectSent(first, 'ballast.bin');
  await expect(failed.getByRole('button', { name: text.delivery.retry })).toHaveCount(0);
  expect(await saved(second, 'ballast.bin')).toBe(BALLAST.toString());
});

/** Puts a drawn picture on the clipboard, as a screenshot tool would. */
async function copyPicture({ page }: Person): Promise<void> {
  await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(64, 48);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('no canvas');
    context.fillStyle = 'teal';
    context.fillRect(8, 8, 48, 32);
    const picture = await canvas.convertToBlob({ type: 'image/png' });
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': picture })]);
  });
}

async function saved({ page }: Person, name: string): Promise<string> {
  const save = page.getByRole('button', { name: text.files.download(name) });
  await expect(save).toBeVisible(PATIENT);
  const [download] = await Promise.all([page.waitForEvent('download', PATIENT), save.click()]);
  return readFileSync(await download.path(), 'utf8');
}
