// What all browsers of a person know, as far as the page sees it.

/** What a person has chosen for all devices; null: never chosen, so this device does as it likes. */
export type PersonSettings = {
  appearance: 'system' | 'light' | 'dark' | null;
  notifyShowsName: boolean | null;
  notifyShowsText: boolean | null;
};

/**
 * K-6: what the relay showed of contacts and settings, and the core did not take. `rolledBack`: an older
 * state than this device has seen. `forged`: bytes that none of the person's devices wrote. `newerVersion`:
 * written by a newer version of the app. `full`: the account's room at the relay is used up; the changes wait here.
 */
export type RecordsTrouble = 'rolledBack' | 'forged' | 'newerVersion' | 'full';
