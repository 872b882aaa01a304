import { expect, test as base } from '@playwright/test';
import { Person } from './person';
import { Relay } from './relay';

type Story = {
  relay: Relay;
  /** Opens another browser, which shares nothing with the others. */
  person: () => Promise<Person>;
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
  person: async ({ browser }, provide) => {
    const people: Person[] = [];
    await provide(async () => {
      const person = await Person.open(browser);
      people.push(person);
      return person;
    });
    const faults = people.flatMap((person) => person.faults);
    await Promise.all(people.map((person) => person.close()));
    expect(faults).toEqual([]);
  },
});

export { expect };
