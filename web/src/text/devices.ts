import { count, date, daysBetween } from './format';

/** The words of Settings, Devices; part of the catalogue in `en.ts`. */
export const devicesText = {
  devices: {
    title: 'Devices',
    lead: 'Each of these can read your new messages. The list is signed by you; the relay can’t add to it.',
    thisBrowser: 'This browser',
    unnamed: 'Unnamed device',
    added: (at: number) => `added on ${date(at, Date.now())}`,
    lastSeen: (at: number) => {
      const days = daysBetween(at, Date.now());
      if (days <= 0) return 'here today';
      return days === 1 ? 'here yesterday' : `last here on ${date(at, Date.now())}`;
    },
    signed: 'Signed by your identity key',
    fresh: (name: string, at: number) => {
      const days = daysBetween(at, Date.now());
      return `“${name}” was added ${days <= 0 ? 'today' : days === 1 ? 'yesterday' : `on ${date(at, Date.now())}`}.`;
    },
    freshText: 'If this wasn’t you, remove it now.',
    notMe: 'Wasn’t me',
    remove: 'Remove',
    removeNamed: (name: string) => `Remove ${name}`,
    removeOthers: 'Remove all others',
    removing: {
      title: (names: string[]) => (names.length === 1 ? `Remove “${names[0]}”?` : `Remove ${count(names.length, 'other device', 'other devices')}?`),
      strangerTitle: 'Somebody else signed in?',
      stranger: 'Then somebody has your password or your recovery key. Removing the device shuts it out; what it could read until now, they may have.',
      lost: 'What is lost, and can’t be brought back:',
      lostList: [
        'Messages that are only on it. It forgets them as soon as it is online.',
        'Its access. It reads nothing that is sent or saved from now on, in any conversation.',
      ],
      kept: 'What it has read so far, whoever holds it may have kept. Your other devices keep everything.',
      password: 'Your password',
      action: (n: number) => (n === 1 ? 'Remove it' : `Remove ${n} devices`),
      busy: 'Removing, and making a new key…',
      unknown: 'I don’t know this device',
    },
    removed: {
      title: 'Removed.',
      text: (names: string[]) => (names.length === 1 ? `“${names[0]}” is out.` : `${count(names.length, 'device is', 'devices are')} out.`),
      key: 'Your account has a new key that no removed device ever had, and the people you write to are told.',
      stranger: 'Now choose a new password, or they can sign in again: sign out here, and come back with “Use recovery key”. It asks for a new one. Then look at Settings, Security for what else happened.',
      done: 'Done',
    },
  },
};
