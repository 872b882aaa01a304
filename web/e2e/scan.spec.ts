import { writeFileSync } from 'node:fs';
import { text } from '../src/text/en';
import * as steps from './harness/steps';
import { ada, PATIENT } from './harness/steps';
import type { Person } from './harness/person';
import { expect, story } from './harness/story';

story('a camera that sees the other one’s code verifies them, and no other code does', async ({ relay, person }, info) => {
  const camera = info.outputPath('camera.mjpeg');
  const first = await person();
  const second = await person({ camera });
  await steps.twoTalking({ first, second, relay });
  await steps.compare(first);
  await steps.compare(second);
  const verified = second.page.getByRole('heading', { level: 1 }).getByRole('img', { name: text.verified });

  // Their own code in a mirror: a code of Sotto's, but not the other person's.
  await hold(second, camera);
  await scan(second);
  await expect(second.page.getByText(text.verify.scanned.otherPerson(ada.name))).toBeVisible(PATIENT);
  await expect(verified).toHaveCount(0);

  // The camera is put away before its picture changes under it.
  await second.page.getByLabel(text.verify.show).check();
  await hold(first, camera);
  await scan(second);

  await expect(second.page.getByText(text.contact.nowVerified(ada.name))).toBeVisible(PATIENT);
  await expect(second.page.getByRole('dialog')).toHaveCount(0);
  await expect(verified).toBeVisible();
  await expect(second.page.getByRole('feed').getByText(text.notice.verified(ada.name))).toBeVisible();
});

/** Holds somebody's screen in front of the camera: what it shows becomes the camera's picture. */
async function hold({ page }: Person, camera: string): Promise<void> {
  const code = page.getByRole('img', { name: text.verify.myCode });
  await expect(code).toBeVisible();
  const box = await code.boundingBox();
  if (!box) throw new Error('no code is drawn');
  const clip = { x: box.x + box.width / 2 - 320, y: Math.max(0, box.y + box.height / 2 - 240), width: 640, height: 480 };
  // One JPEG is a film of one picture.
  writeFileSync(camera, await page.screenshot({ type: 'jpeg', quality: 95, clip }));
}

async function scan({ page }: Person): Promise<void> {
  await page.getByLabel(text.verify.scan).check();
}
