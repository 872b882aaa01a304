import { render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import { CoreProvider } from '../core/context';
import { contact, message, ownProfile, ScriptedCore } from '../core/scripted';
import type { Script } from '../core/scripted';
import { settings } from '../core/settings';
import { text } from '../text/en';
import { App } from './app';

const bob = (): Script['conversations'][number] => ({
  contact: contact('bob', 'Bob', 2),
  readUptoSeq: 9,
  messages: [message('bob', 1, 1000, 'peer', { kind: 'text', text: 'Morning!' })],
});

function open(path: string, script: Partial<Script> = {}) {
  history.replaceState(null, '', path);
  const core = new ScriptedCore({ conversations: [bob()], ...script });
  render(<CoreProvider core={core}><App /></CoreProvider>);
  return { core, user: userEvent.setup() };
}

beforeEach(() => settings.setState(settings.getInitialState(), true));

describe('the lock', () => {
  it('a locked browser shows nothing of the account, and opens with its passphrase', async () => {
    const { core, user } = open('/c/bob', { boot: 'locked', passphrase: 'nine lanterns' });
    const field = await screen.findByLabelText('Passphrase');
    expect(screen.queryByText(/Bob|Alice/)).toBeNull();
    expect(core.calls.listConversations).toBeUndefined();

    await user.type(field, 'nine candles{Enter}');
    expect(await screen.findByText('That isn’t the passphrase.')).toBeTruthy();
    await user.clear(field);
    await user.type(field, 'nine lanterns{Enter}');

    expect(await screen.findByLabelText('Message Bob')).toBeTruthy();
  });

  it('a lock is set only when both fields say the same, and its shortcut then locks and drops what was typed', async () => {
    const { core, user } = open('/settings/security');
    await user.click(await screen.findByRole('button', { name: 'Set a passphrase' }));
    await user.type(screen.getByLabelText('New passphrase'), 'nine lanterns');
    await user.type(screen.getByLabelText('The same once more'), 'nine lantern');
    await user.click(screen.getByRole('button', { name: 'Set the lock' }));
    expect(core.calls.setLock).toBeUndefined();
    await user.type(screen.getByLabelText('The same once more'), 's{Enter}');
    expect(await screen.findByText('Locked with a passphrase')).toBeTruthy();

    await user.click(screen.getAllByRole('link', { name: 'Chats' })[0] as HTMLElement);
    await user.click(await screen.findByRole('link', { name: /Bob/ }));
    await user.type(await screen.findByLabelText('Message Bob'), 'half a sentence');
    await user.keyboard('{Control>}{Shift>}l{/Shift}{/Control}');
    await user.type(await screen.findByLabelText('Passphrase'), 'nine lanterns{Enter}');

    expect(((await screen.findByLabelText('Message Bob')) as HTMLTextAreaElement).value).toBe('');
  });

  it('without a lock the shortcut does nothing', async () => {
    const { user } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    await user.keyboard('{Control>}{Shift>}l{/Shift}{/Control}');

    expect(screen.getByRole('link', { name: /Bob/ })).toBeTruthy();
    expect(screen.queryByRole('button', { name: 'Lock now' })).toBeNull();
  });

  it('a forgotten passphrase leads out, and what goes is said first', async () => {
    const { core, user } = open('/', { boot: 'locked', passphrase: 'nine lanterns' });
    await user.click(await screen.findByRole('button', { name: 'Forgot the passphrase?' }));
    await screen.findByText(/messages that no other device of yours has are gone for good/);
    expect(core.calls.logOut).toBeUndefined();

    await user.click(screen.getByRole('button', { name: 'Sign out and forget' }));

    expect(await screen.findByText(/this browser has forgotten your messages/)).toBeTruthy();
  });

  it('who signs in on a computer of others has that told to the core before the password', async () => {
    const { core, user } = open('/log-in', { boot: 'fresh' });
    await user.click(await screen.findByRole('switch', { name: /This is not my computer/ }));
    await user.type(screen.getByLabelText('Handle'), 'alice');
    await user.type(screen.getByLabelText('Password'), 'correct horse');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));

    await screen.findByRole('link', { name: /Bob/ });
    expect(core.calls.chooseKeeping).toEqual([{ keeping: 'memory' }]);
  });
});

describe('what the relay knows', () => {
  it('sessions are shown with their network, and the relay is asked for the rest by a button', async () => {
    const { core, user } = open('/settings/security');
    await screen.findByText(/203\.0\.113\.0\/24/);
    expect(core.calls.relayKnowledge).toBeUndefined();

    await user.click(screen.getByRole('button', { name: 'Show it' }));

    await screen.findByText('Your account');
    await screen.findByText('unheard_of');
    expect(screen.getByText('4 rows')).toBeDefined();
  });
});

describe('the account log', () => {
  it('a log that was refused is told on the chats page and leads to Security, where it can be begun anew', async () => {
    const { core, user } = open('/');
    await screen.findByRole('heading', { name: 'Chats' });
    core.refuseAudit('rolledBack');
    await user.click(await screen.findByRole('button', { name: 'Look at it' }));
    await user.click(await screen.findByRole('button', { name: 'Believe what it shows now' }));

    await screen.findByText('The account was made');
    expect(core.calls.restartAudit).toHaveLength(1);
    expect(screen.queryByText(/ends before something/)).toBeNull();
  });

  it('a try that opened the account is told once, and other tries are told as such', async () => {
    open('/settings/security');
    await screen.findByText('The account was opened with your password');

    expect(screen.getAllByText(/Somebody tried to sign in/)).toHaveLength(1);
    await screen.findByText('Something that this version of the app doesn’t know');
  });
});

describe('before signing in', () => {
  it('an account is made, the key comes, and "Later" leaves a banner that leads back once', async () => {
    const { core, user } = open('/', { boot: 'fresh', conversations: [] });
    await user.click(await screen.findByRole('button', { name: 'Create an account' }));
    await user.type(screen.getByLabelText('Name'), 'Alice');
    await user.type(screen.getByLabelText('Handle'), '@Alice');
    await user.type(screen.getByLabelText('Password'), 'correct horse battery');
    await screen.findByText('@alice is free');
    await user.click(screen.getByRole('button', { name: 'Make my keys' }));

    const key = await screen.findByRole('list', { name: 'Recovery key' });
    expect(within(key).getAllByRole('listitem')).toHaveLength(9);
    expect(core.calls.createAccount?.[0]).toMatchObject({ handle: 'alice', displayName: 'Alice' });
    await user.click(screen.getByRole('button', { name: 'Later' }));
    await user.click(await screen.findByRole('button', { name: 'Save it now' }));

    await screen.findByRole('list', { name: 'Recovery key' });
    expect(screen.queryByRole('button', { name: 'Later' })).toBeNull();
  });

  it('the recovery key is confirmed by its two groups and by nothing else', async () => {
    const { core, user } = open('/recovery-key', { recoveryKeyConfirmed: false });
    const groups = within(await screen.findByRole('list', { name: 'Recovery key' })).getAllByRole('listitem').map((item) => item.textContent ?? '');
    const fields = screen.getAllByRole('textbox');
    const wanted = fields.map((field) => groups[Number(/\d/.exec(labelOf(field))?.[0]) - 1] ?? '');

    for (const field of fields) await user.type(field, 'ZZZZ');
    await user.click(screen.getByRole('button', { name: 'I have saved it' }));
    expect(core.calls.confirmRecoveryKey).toBeUndefined();
    for (const [place, field] of fields.entries()) {
      await user.clear(field);
      await user.type(field, (wanted[place] ?? '').toLowerCase());
    }
    await user.click(screen.getByRole('button', { name: 'I have saved it' }));

    await waitFor(() => expect(core.calls.confirmRecoveryKey).toHaveLength(1));
  });

  it('a taken handle and a short password make no account', async () => {
    const { core, user } = open('/create', { boot: 'fresh' });
    await user.type(await screen.findByLabelText('Name'), 'Bob');
    await user.type(screen.getByLabelText('Handle'), 'bob');
    await user.type(screen.getByLabelText('Password'), 'short');
    await screen.findByText('@bob is taken.');

    await user.click(screen.getByRole('button', { name: 'Make my keys' }));

    expect(core.calls.createAccount).toBeUndefined();
  });

  it('a relay that takes people by invitation asks for one, and takes its link', async () => {
    const { core, user } = open('/create', { boot: 'fresh', registration: 'invite', conversations: [] });
    const invite = await screen.findByLabelText('Invitation');
    await user.type(screen.getByLabelText('Name'), 'Alice');
    await user.type(screen.getByLabelText('Handle'), 'alice');
    await user.type(screen.getByLabelText('Password'), 'correct horse battery');
    await user.click(screen.getByRole('button', { name: 'Make my keys' }));
    await screen.findByText('Paste the invitation that you were given.');
    expect(core.calls.createAccount).toBeUndefined();

    await user.type(invite, 'https://chat.example.org/create#invite=BwcHBwcHBwcHBwcHBwcHBw');
    await user.click(screen.getByRole('button', { name: 'Make my keys' }));

    await waitFor(() => expect(core.calls.createAccount?.[0]).toMatchObject({ invite: 'BwcHBwcHBwcHBwcHBwcHBw' }));
  });

  it('a closed relay says so and shows no form', async () => {
    open('/create', { boot: 'fresh', registration: 'closed' });

    await screen.findByRole('heading', { name: 'No new accounts here.' });
    expect(screen.queryByLabelText('Handle')).toBeNull();
  });

  it('a wrong password is told beside the password and nothing changes', async () => {
    const { user } = open('/log-in', { boot: 'fresh', failures: { logIn: 'wrongPassword' } });
    await user.type(await screen.findByLabelText('Handle'), 'alice');
    await user.type(screen.getByLabelText('Password'), 'wrong');
    await user.click(screen.getByRole('button', { name: 'Sign in' }));

    expect(await screen.findByText(/That doesn’t open it/)).toBeTruthy();
    expect(screen.getByLabelText('Password').getAttribute('aria-invalid')).toBe('true');
  });

  it('logging in says that older messages aren’t here', async () => {
    open('/log-in', { boot: 'fresh' });

    expect(await screen.findByText(/Messages from before aren’t on this browser/)).toBeTruthy();
  });
});

describe('states of the whole page', () => {
  it('a second tab takes over only when asked', async () => {
    const { core, user } = open('/', { boot: 'otherTab' });
    const take = await screen.findByRole('button', { name: 'Use it here' });
    expect(core.calls.listConversations).toBeUndefined();

    await user.click(take);

    expect(await screen.findByRole('link', { name: /Bob/ })).toBeTruthy();
  });

  it('the tab that lost the store stops showing messages', async () => {
    const { core } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    core.emit({ type: 'takenOver' });

    expect(await screen.findByText('Sotto is open in another tab.')).toBeTruthy();
    expect(screen.queryByText('Morning!')).toBeNull();
  });

  it('a cleared store offers to sign in again, not to begin', async () => {
    const { user } = open('/', { boot: 'storeCleared' });
    expect(await screen.findByText('This browser forgot you.')).toBeTruthy();

    await user.click(screen.getByRole('button', { name: 'Sign in again' }));

    expect(await screen.findByText('Welcome back.')).toBeTruthy();
  });

  it('a dead core restarts once by itself and asks the second time', async () => {
    const { core } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    core.emit({ type: 'fatal', code: 'coreDied' });
    await screen.findByText(/Nothing is lost/);
    core.emit({ type: 'fatal', code: 'coreDied' });

    expect(await screen.findByRole('button', { name: 'Start it again' })).toBeTruthy();
  });

  it('signing out asks first, and says so when this browser was removed elsewhere', async () => {
    const { core, user } = open('/settings/profile');
    await user.click(await screen.findByRole('button', { name: 'Sign out' }));
    expect(core.calls.logOut).toBeUndefined();
    await user.click(screen.getByRole('button', { name: 'Sign out and forget' }));

    expect(await screen.findByText(/this browser has forgotten your messages/)).toBeTruthy();
    core.emit({ type: 'signedOut', reason: 'revoked' });
    expect(await screen.findByText(/was removed from your account/)).toBeTruthy();
  });
});

describe('deleting the account', () => {
  it('says what happens, takes the handle and then the password, and ends in a farewell', async () => {
    const { core, user } = open('/settings/security');
    await user.click(await screen.findByRole('button', { name: 'Delete my account' }));
    for (const [what, happens] of text.deletion.happens) {
      expect(screen.getByText(happens)).toBeTruthy();
      expect(screen.getAllByRole('term').some((term) => term.textContent === what)).toBe(true);
    }
    const action = screen.getByRole('button', { name: 'Delete it for good' });
    expect(action).toHaveProperty('disabled', true);

    await user.type(screen.getByLabelText(/Type your handle/), '@alice');
    await user.click(action);
    await user.type(await screen.findByLabelText('Password'), 'correct horse battery');
    await user.click(screen.getByRole('button', { name: 'Next' }));

    expect(await screen.findByText('Your account is gone.')).toBeTruthy();
    expect(core.calls.deleteAccount?.at(-1)).toEqual({ handle: 'alice' });
    await user.click(screen.getByRole('button', { name: 'To the first page' }));
    expect(await screen.findByRole('button', { name: 'Create an account' })).toBeTruthy();
  });

  it('does nothing for another handle', async () => {
    const { core, user } = open('/settings/security');
    await user.click(await screen.findByRole('button', { name: 'Delete my account' }));

    await user.type(screen.getByLabelText(/Type your handle/), 'malice{Enter}');

    expect(screen.getByText('That isn’t your handle.')).toBeTruthy();
    expect(core.calls.deleteAccount).toBeUndefined();
  });

  it('of somebody else closes the conversation with them and leaves it readable', async () => {
    const { core } = open('/c/bob');
    await screen.findByLabelText('Message Bob');

    core.closeConversation('bob');

    expect(await screen.findByText('Bob’s account was deleted.')).toBeTruthy();
    expect(screen.queryByLabelText('Message Bob')).toBeNull();
  });
});

describe('signing out of a relay that can’t be reached', () => {
  it('says so, and forgets this browser only when asked again', async () => {
    const { core, user } = open('/settings/profile');
    core.script.failures.logOut = 'offline';
    await user.click(await screen.findByRole('button', { name: 'Sign out' }));
    await user.click(screen.getByRole('button', { name: 'Sign out and forget' }));

    expect(await screen.findByText(/this browser is still signed in/)).toBeTruthy();
    expect(core.calls.forgetAccount).toBeUndefined();
    await user.click(screen.getByRole('button', { name: 'Forget without telling' }));

    expect(await screen.findByText(/this browser has forgotten your messages/)).toBeTruthy();
  });
});

describe('a device list that was refused', () => {
  it('is told in the conversation, and sending waits until the person decides', async () => {
    const { core, user } = open('/c/bob');
    await screen.findByLabelText('Message Bob');

    core.refuseList('bob');

    expect(await screen.findByText(/device list of Bob’s that is older than the one known here/)).toBeTruthy();
    await user.click(screen.getByRole('button', { name: 'Send to the devices you know' }));
    expect(core.calls.heedRefusedList).toEqual([{ accountId: 'bob' }]);
    expect(screen.queryByText(/Messages wait until it’s put right/)).toBeNull();
  });

  it('of one’s own is told above the chats until the right one is given', async () => {
    const { core } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    core.emit({ type: 'profileChanged', profile: { ...ownProfile(true), refusedList: 'forked' } });

    expect(await screen.findByText('The relay keeps a wrong list of your devices')).toBeTruthy();
    core.emit({ type: 'profileChanged', profile: ownProfile(true) });
    await waitFor(() => expect(screen.queryByText('The relay keeps a wrong list of your devices')).toBeNull());
  });
});

describe('chats', () => {
  it('an unknown handle is told in the dialog, a known one opens its chat', async () => {
    const { user } = open('/');
    await user.click(await screen.findByRole('button', { name: 'New chat' }));
    await user.type(screen.getByLabelText('Handle'), '@nobody');
    await user.click(screen.getByRole('button', { name: 'Start chat' }));
    expect(await screen.findByText('Nobody here has that handle.')).toBeTruthy();

    await user.clear(screen.getByLabelText('Handle'));
    await user.type(screen.getByLabelText('Handle'), '@carol');
    await user.click(screen.getByRole('button', { name: 'Start chat' }));

    expect(await screen.findByLabelText('Message carol')).toBeTruthy();
  });

  it('Enter sends, Shift+Enter doesn’t, and a failed save gives the text back', async () => {
    const { core, user } = open('/c/bob');
    const composer = await screen.findByLabelText('Message Bob');
    await user.type(composer, 'one{Shift>}{Enter}{/Shift}two{Enter}');
    expect(core.calls.sendText?.[0]?.text).toBe('one\ntwo');
    core.script.failures.sendText = 'storeFailed';

    await user.type(composer, 'three{Enter}');

    await waitFor(() => expect((composer as HTMLTextAreaElement).value).toBe('three'));
  });

  it('"They match" confirms the fingerprint that was on the screen', async () => {
    const { core, user } = open('/c/bob/details');
    await user.click(await screen.findByRole('button', { name: 'Compare numbers' }));
    await user.click(await screen.findByRole('button', { name: 'They match' }));

    await waitFor(() => expect(core.calls.confirmMatch?.[0]?.fingerprint).toMatch(/^9f3a41d0/));
    expect((await screen.findAllByRole('img', { name: 'Verified' })).length).toBeGreaterThan(0);
  });

  it('a changed key of a verified contact asks, and "Not now" leaves the line above the composer', async () => {
    const verified = bob();
    verified.contact.trust = { state: 'verified', verifiedAt: 1 };
    const { core, user } = open('/c/bob', { conversations: [verified] });
    await screen.findByLabelText('Message Bob');

    core.changeKey('bob');
    const dialog = await screen.findByRole('dialog', { name: 'Bob’s key changed' });
    await user.click(within(dialog).getByRole('button', { name: 'Not now' }));

    expect(await screen.findByText(/Messages wait until you decide/)).toBeTruthy();
    expect(core.calls.acceptKey).toBeUndefined();
  });

  it('a new chat leaves the cursor where the first message is written', async () => {
    const { user } = open('/');
    await user.click(await screen.findByRole('button', { name: 'New chat' }));
    await user.type(screen.getByLabelText('Handle'), '@carol{Enter}');

    const composer = await screen.findByLabelText('Message carol');
    await waitFor(() => expect(document.activeElement).toBe(composer));
  });

  it('the list shows the words of a message without its signs, and says whose device was added', async () => {
    const [signs, device] = [bob(), bob()];
    signs.messages = [message('bob', 1, 1000, 'peer', { kind: 'text', text: 'Read `notes.md`, **now**' })];
    device.contact = contact('carol', 'Carol', 1);
    device.messages = [message('carol', 1, 900, 'notice', { kind: 'notice', notice: 'deviceAdded', accountId: 'alice' })];
    open('/', { conversations: [signs, device] });

    expect(within(await screen.findByRole('link', { name: /Bob/ })).getByText('Read notes.md, now')).toBeTruthy();
    expect(within(await screen.findByRole('link', { name: /Carol/ })).getByText('You added a device.')).toBeTruthy();
  });

  it('a choice goes to the core, and one that was made elsewhere shows here', async () => {
    const { core, user } = open('/settings/appearance');
    await user.click(await screen.findByText('Dark'));
    await waitFor(() => expect(core.calls.changeSettings).toEqual([{ appearance: 'dark' }]));
    expect(document.documentElement.dataset['appearance']).toBe('dark');

    core.emit({ type: 'settingsChanged', settings: { appearance: 'light', notifyShowsName: false, notifyShowsText: null } });

    await waitFor(() => expect(document.documentElement.dataset['appearance']).toBe('light'));
    expect(settings.getState()).toMatchObject({ notifyShowsName: false, notifyShowsText: false });
  });

  it('another name and colour go to the core, and show where one’s own name stands', async () => {
    const { core, user } = open('/settings/profile');
    await user.click(await screen.findByRole('button', { name: 'Edit' }));
    await user.clear(screen.getByLabelText('Name'));
    await user.click(screen.getByRole('button', { name: 'Save' }));
    await screen.findByText('Write the name that people know you by.');
    expect(core.calls.changeProfile).toBeUndefined();

    await user.type(screen.getByLabelText('Name'), 'Alice L.');
    await user.click(screen.getByRole('radio', { name: 'Iris' }));
    await user.click(screen.getByRole('button', { name: 'Save' }));

    await screen.findByText('Alice L.');
    expect(core.calls.changeProfile).toEqual([{ displayName: 'Alice L.', colour: 4 }]);
    expect(screen.queryByLabelText('Name')).toBeNull();
  });

  it('a blocked person can’t be written to until they are unblocked', async () => {
    const { core, user } = open('/c/bob/details');
    await user.click(await screen.findByRole('button', { name: 'Block Bob' }));
    await user.click(within(await screen.findByRole('dialog')).getByRole('button', { name: 'Block' }));

    await screen.findByText('You blocked Bob.');
    expect(core.calls.blockContact).toEqual([{ accountId: 'bob' }]);
    expect(screen.queryByLabelText('Message Bob')).toBeNull();
    expect(within(screen.getByRole('link', { name: /Bob/ })).getByRole('img', { name: 'Blocked' })).toBeTruthy();

    await user.click(screen.getByRole('button', { name: 'Unblock' }));
    await screen.findByLabelText('Message Bob');
  });

  it('a relay that shows older contacts is told of, until the page is loaded again', async () => {
    const { core } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    core.emit({ type: 'recordsTroubled', trouble: 'rolledBack' });

    expect((await screen.findByRole('alert')).textContent).toContain('older state of your contacts');
  });

  it('unread messages stand in the title', async () => {
    const unread = bob();
    unread.readUptoSeq = 0;
    open('/', { conversations: [unread] });

    await waitFor(() => expect(document.title).toBe('(1) Sotto'));
  });

  it('waiting messages are counted while offline, and "back" is said when they are gone', async () => {
    const { core } = open('/');
    await screen.findByRole('link', { name: /Bob/ });

    core.connect({ state: 'offline', retryAt: null }, 3);
    expect(await screen.findByText(/3 messages will go/)).toBeTruthy();
    core.connect({ state: 'online' }, 0);

    expect(await screen.findByText('Back. Everything is sent.')).toBeTruthy();
  });
});

function labelOf(field: HTMLElement): string {
  return (field as HTMLInputElement).labels?.[0]?.textContent ?? '';
}
