import { createStore } from 'zustand/vanilla';
import type { PersonSettings } from './records';

/** As this browser has them. Those of `PersonSettings` follow the person; the others never leave it. */
export type Settings = {
  appearance: 'system' | 'light' | 'dark';
  notifyShowsName: boolean;
  notifyShowsText: boolean;
  /** Whether this browser may notify, and is wanted to. */
  notify: boolean;
  /** Until when the card that offers notifications stays away; 0: not refused yet. */
  notifyAskAfter: number;
  /** Minutes without a touch after which a locked browser locks itself; 0: never. */
  lockAfterMinutes: number;
};

/** What can be chosen for `lockAfterMinutes`. */
export const lockChoices = [5, 15, 60, 0] as const;

const key = 'sotto.settings';
const defaults: Settings = {
  appearance: 'system',
  notify: false,
  notifyShowsName: true,
  notifyShowsText: false,
  notifyAskAfter: 0,
  lockAfterMinutes: 15,
};

/** What the person has chosen, here or elsewhere, is this browser's from now on. */
export function adopt({ appearance, notifyShowsName, notifyShowsText }: Partial<PersonSettings>): void {
  settings.setState((now) => ({
    appearance: appearance ?? now.appearance,
    notifyShowsName: notifyShowsName ?? now.notifyShowsName,
    notifyShowsText: notifyShowsText ?? now.notifyShowsText,
  }));
}

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
    lockAfterMinutes: lockChoices.find((minutes) => minutes === from.lockAfterMinutes) ?? defaults.lockAfterMinutes,
  };
}
