import { expect, test as base } from '@playwright/test';
import type { Browser } from '@playwright/test';
import { Person } from './person';
import type { Allowed } from './person';
import { Relay } from './relay';

/** `camera`: a file of pictures, which the camera of this person's own browser shows. */
type Asked = Allowed & { camera?: string };

type Story = {
  relay: Relay;
  /** Opens another browser, which shares nothing with the others. */
  person: (asked?: Asked) => Promise<Person>;
};

/**
 * A test with a relay of its own and as many people as it asks for. Whatever it is about, it fails
 * if a page or a worker broke the policy or threw: zero violations, in every story.
 */
export const story = base.extend<Story>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads the needed fixtures from the pattern: none
  relay: async ({}, provide) => {
    const relay = await Relay.start();
    await provide(relay);
    await relay.stop();
  },
  person: async ({ browser, playwright, launchOptions }, provide) => {
    const people: Person[] = [];
    const browsers: Browser[] = [];
    const withCamera = async (file: string) => {
      const args = [...(launchOptions.args ?? []), `--use-file-for-fake-video-capture=${file}`];
      const launched = await playwright.chromium.launch({ ...launchOptions, args });
      browsers.push(launched);
      return launched;
    };
    await provide(async ({ camera, permissions = [] } = {}) => {
      const person =
        camera === undefined
          ? await Person.open(browser, { permissions })
          : await Person.open(await withCamera(camera), { permissions: [...permissions, 'camera'] });
      people.push(person);
      return person;
    });
    const faults = people.flatMap((person) => person.faults);
    await Promise.all(people.map((person) => person.close()));
    await Promise.all(browsers.map((launched) => launched.close()));
    expect(faults).toEqual([]);
  },
});

export { expect };
