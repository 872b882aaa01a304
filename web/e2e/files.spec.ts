import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { PATIENT } from './harness/steps';
import { expect, story } from './harness/story';

const TWENTY_MEGABYTES = 20 * 1024 * 1024;
/** Long enough to press a button while an upload waits for its answer. */
const SLOW_MS = 4_000;

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

story('a file of 20 MB arrives as it was sent', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const sent = randomBytes(TWENTY_MEGABYTES);
  const path = info.outputPath('tide-tables.bin');
  writeFileSync(path, sent);

  const progress = first.page.getByText(/ of (20|21)/).waitFor(PATIENT);
  await steps.attach(first, path);
  await progress;
  await steps.expectSent(first, 'tide-tables.bin');

  const save = second.page.getByRole('button', { name: text.files.download('tide-tables.bin') });
  await expect(save).toBeVisible(PATIENT);
  const [download] = await Promise.all([second.page.waitForEvent('download', PATIENT), save.click()]);
  expect(sha256(readFileSync(await download.path()))).toBe(sha256(sent));
  expect(download.suggestedFilename()).toBe('tide-tables.bin');
});

story('a picture is drawn on both sides', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const path = info.outputPath('harbour.png');
  writeFileSync(path, await first.page.screenshot());

  await steps.attach(first, path);

  for (const { page } of [first, second]) {
    const picture = page.getByRole('img', { name: 'harbour.png' });
    await expect(picture).toBeVisible(PATIENT);
    await expect.poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(1280);
  }
});

story('an upload that was stopped leaves nothing behind', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  const path = info.outputPath('second-thoughts.bin');
  writeFileSync(path, randomBytes(TWENTY_MEGABYTES));

  relay.proxy.delay(SLOW_MS);
  await steps.attach(first, path);
  await first.page.getByRole('button', { name: text.files.cancelUpload }).click();
  await expect(steps.bubble(first, 'second-thoughts.bin')).toHaveCount(0);
  relay.proxy.delay(0);

  await steps.write(first, steps.ben, 'Never mind.');
  await expect(steps.bubble(second, 'Never mind.')).toBeVisible(PATIENT);
  await expect(steps.bubble(second, 'second-thoughts.bin')).toHaveCount(0);
});
