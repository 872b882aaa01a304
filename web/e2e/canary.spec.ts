import { writeFileSync } from 'node:fs';
import { text } from '../src/text/en';
import { findCanaries } from './harness/canaries';
import * as steps from './harness/steps';
import { ada, ben, PATIENT } from './harness/steps';
import { expect, story } from './harness/story';
import { wireTraces } from './harness/wire';

const WORDS = 'canary-7d41 the heron stands at the north sluice';
const ANSWER = 'canary-90b2 and the gate is höher than it was';
const FILE_NAME = 'canary-5e66-north-sluice.bin';
const PATTERN = Buffer.from('canary-c3a8:pattern-of-the-file;');
const WRONG_PASSWORD = 'canary-1f07-not-the-password';

story('the relay holds, logs and is told nothing that it must not know', async ({ relay, person }, info) => {
  const first = await person();
  const second = await person();
  await steps.twoTalking({ first, second, relay });
  await steps.write(first, ben, WORDS);
  await expect(steps.bubble(second, WORDS)).toBeVisible(PATIENT);
  await steps.write(second, ada, ANSWER);
  await expect(steps.bubble(first, ANSWER)).toBeVisible(PATIENT);
  const path = info.outputPath(FILE_NAME);
  writeFileSync(path, Buffer.alloc(3 * 1024 * 1024, PATTERN));
  await steps.attach(first, path);
  await steps.expectSent(first, FILE_NAME);
  const save = second.page.getByRole('button', { name: text.files.download(FILE_NAME) });
  await Promise.all([second.page.waitForEvent('download', PATIENT), save.click()]);

  const third = await person();
  await steps.fillLogIn(third, relay, { ...ada, password: WRONG_PASSWORD });
  await expect(third.page.getByText(text.error.wrongPassword)).toBeVisible(PATIENT);
  await steps.fillLogIn(third, relay, ada);
  await steps.openChat(third, ben);

  const wire = wireTraces(relay.proxy.recordings);
  const kept = relay.traces();
  const secrets = [WORDS, ANSWER, FILE_NAME, PATTERN, WRONG_PASSWORD, ada.password, ben.password];
  expect(findCanaries(secrets, [...wire, ...kept])).toEqual([]);

  // Tokens travel (header, first frame, cookie), but they are kept and logged nowhere.
  const spoken = wire.map(({ bytes }) => bytes.toString('latin1')).join('\n');
  const access = [...spoken.matchAll(/authorization: bearer ([\w.-]+)/gi)].map((match) => match[1] ?? '');
  const refresh = (await Promise.all([first, second, third].map(({ context }) => context.cookies()))).flat().map(({ value }) => value);
  expect(access.length).toBeGreaterThan(0);
  expect(refresh.length).toBeGreaterThan(0);
  expect(findCanaries([...new Set([...access, ...refresh])], kept)).toEqual([]);
});

story('the same search finds what the relay may know', async ({ relay, person }) => {
  const first = await person();
  const handle = 'canary-known-handle';
  await steps.createAccount(first, relay, { ...ada, handle });

  const found = findCanaries([handle], [...wireTraces(relay.proxy.recordings), ...relay.traces()]);

  expect(found.some(({ where }) => where.startsWith('connection'))).toBe(true);
  expect(found.some(({ where }) => where.includes('data'))).toBe(true);
});
