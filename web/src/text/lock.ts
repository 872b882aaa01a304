import type { Keeping } from '../core/calls';
import { size } from './format';

/** The words of the lock, and of what this browser keeps; part of the catalogue in `en.ts`. */
export const lockText = {
  lock: {
    title: 'Lock',
    lead: 'A passphrase for this browser. It isn’t your account’s password, and the relay never hears of it.',
    state: {
      browser: { what: 'Not locked', text: 'Whoever opens this browser reads your messages.' },
      passphrase: { what: 'Locked with a passphrase', text: 'Asked for when Sotto is opened or reloaded, and after a pause.' },
      memory: { what: 'Forgets when you close it', text: 'The key to your messages is in this tab only. A passphrase would keep them for next time.' },
    } satisfies Record<Keeping, { what: string; text: string }>,
    set: 'Set a passphrase',
    change: 'Change',
    remove: 'Remove',
    now: 'Lock now',
    shortcut: 'Ctrl+Shift+L',
    nowHint: 'Ctrl+Shift+L, in every tab',
    after: 'Lock by itself after',
    minutes: (minutes: number) => (minutes === 0 ? 'Never' : `${minutes} min`),
    afterText: 'Without a key or the mouse being touched in here. A computer that sleeps is locked when it wakes.',
    limits: [
      'While it is locked nothing arrives and nobody is told of new messages; text that you hadn’t sent is gone, and a file on its way stops.',
      'It doesn’t help against somebody who sits at the open app, or who has a program on this computer that watches you type.',
      'If Sotto was used here without a lock before: what it kept until then, and the key to that, may still lie in files that the browser overwrites late, for somebody who takes the disk and knows how to search. To leave none: sign out, sign in with “This is not my computer”, and then set a passphrase.',
    ],
    tasks: { set: 'Lock this browser', change: 'Change the passphrase', remove: 'Remove the lock' },
    setText: 'Nobody can tell you this passphrase again, and your password doesn’t open the lock. Who forgets it signs out here, and loses the messages that only this browser has.',
    removeText: 'The browser then opens your messages by itself, for whoever opens the browser.',
    current: 'Passphrase so far',
    passphrase: 'Passphrase',
    next: 'New passphrase',
    again: 'The same once more',
    hint: (min: number) => `At least ${min} characters. Four random words are good.`,
    differ: 'These two are not the same.',
    show: 'Show passphrase',
    hide: 'Hide passphrase',
    action: { set: 'Set the lock', change: 'Change it', remove: 'Remove it' },
    done: { set: 'Locked from now on.', change: 'The new passphrase opens it now.', remove: 'The lock is gone.' },
  },
  locked: {
    title: 'Locked.',
    lead: 'This browser keeps its messages shut until you type its passphrase.',
    submit: 'Unlock',
    busy: 'Opening…',
    forgot: 'Forgot the passphrase?',
    leaveTitle: 'Sign out and forget?',
    leaveText: 'Nobody can open this browser’s store without the passphrase. What you can do is to give it up: the keys and messages in this browser are wiped, and messages that no other device of yours has are gone for good. Your account stays; you come back with your password or your recovery key.',
    leaveUnsaved: 'If this browser made your account and you never saved the recovery key, it is lost with it.',
  },
  forget: {
    label: 'This is not my computer',
    hint: 'The key to your messages then stays in this tab and is never written down. Close or reload the tab, and you are signed out; what is left of your messages can’t be read, and is wiped when somebody next opens Sotto here.',
    limits: 'It doesn’t help against a computer that watches what you type or see. Files that you save stay. The relay learns that you left only if you sign out, or when Sotto is next opened here: better sign out.',
  },
  storage: {
    title: 'Storage',
    used: 'Used by Sotto here',
    usedOf: (used: number, quota: number) => `${size(used)} of ${size(quota)} that this browser allows`,
    kept: 'Kept until you clear it',
    keptText: 'The browser won’t clear it by itself.',
    notKept: 'The browser may clear it when space runs short',
    notKeptText: 'Your account survives that; messages that are only here don’t.',
    keep: 'Ask to keep it',
    refused: 'The browser said no. Using Sotto often, or installing it, usually changes its mind.',
    local: {
      browser: 'Messages and keys lie here encrypted. The key to them is kept by the browser: that stops a script, but not somebody who takes the whole disk. Lock your computer, or set a lock under Security.',
      passphrase: 'Messages and keys lie here encrypted. The key to them lies under your passphrase: while Sotto is locked, nothing in this browser opens them.',
      memory: 'Messages and keys lie here encrypted. The key to them is in this tab only, and is gone with it.',
    } satisfies Record<Keeping, string>,
  },
};

export const lockErrors = {
  locked: 'This browser is locked.',
  wrongPassphrase: 'That isn’t the passphrase.',
};
