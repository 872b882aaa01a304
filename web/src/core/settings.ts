import { createStore } from 'zustand/vanilla';

/** Choices of this browser; nothing in them is secret, and none of them leaves it. */
export type Settings = {
  appearance: 'system' | 'light' | 'dark';
  notify: boolean;
  notifyShowsName: boolean;
  notifyShowsText: boolean;
  /** Until when the card that offers notifications stays away; 0: not refused yet. */
  notifyAskAfter: number;
};

const key = 'sotto.settings';
const defaults: Settings = {
  appearance: 'system',
  notify: false,
  notifyShowsName: true,
  notifyShowsText: false,
  notifyAskAfter: 0,
};

/** Kept in localStorage, read before the first frame so that the page doesn't flash. */
export const settings = createStore<Settings>()(() => load());

settings.subscribe((state) => {
  try {
    localStorage.setItem(key, JSON.stringify(state));
  } catch {
    // A browser that refuses to keep anything: the choice lasts as long as the tab.
  }
});

function load(): Settings {
  try {
    return check(JSON.parse(localStorage.getItem(key) ?? '{}'));
  } catch {
    return defaults;
  }
}

function check(stored: unknown): Settings {
  const from: Partial<Record<keyof Settings, unknown>> = typeof stored === 'object' && stored ? stored : {};
  const flag = (name: 'notify' | 'notifyShowsName' | 'notifyShowsText') =>
    typeof from[name] === 'boolean' ? from[name] : defaults[name];
  return {
    appearance: from.appearance === 'light' || from.appearance === 'dark' ? from.appearance : 'system',
    notify: flag('notify'),
    notifyShowsName: flag('notifyShowsName'),
    notifyShowsText: flag('notifyShowsText'),
    notifyAskAfter: typeof from.notifyAskAfter === 'number' ? from.notifyAskAfter : 0,
  };
}
