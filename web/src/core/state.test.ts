import { describe, expect, it } from 'vitest';
import type { Conversation, Message } from './calls';
import { contact, message, ownProfile, scriptLimits } from './scripted';
import { booted, createCoreState, reduce, sortedConversations, unreadTotal, withConversations, withPage } from './state';

const start = () => booted(createCoreState().getState(), { state: 'ready', keeping: 'browser', profile: ownProfile(true), limits: scriptLimits });
const say = (seq: number | null, at: number): Message => message('bob', seq, at, seq === null ? 'me' : 'peer', { kind: 'text', text: `${seq}` });
const page = (messages: Message[]) => ({ messages, reachedStart: false, firstUnreadSeq: null });
const talk = (groupId: string, activeAt: number, unread = 0): Conversation => ({ groupId, peer: contact(groupId, groupId, 1), last: null, unread, activeAt, ended: false, closed: false });

describe('the mirror of the core', () => {
  it('an event that overtook the first list is not undone by it', () => {
    const after = withConversations(reduce(start(), { type: 'conversationChanged', conversation: talk('bob', 2, 1) }), [talk('bob', 1), talk('carol', 3)]);

    expect(unreadTotal(after.conversations)).toBe(1);
    expect(sortedConversations(after.conversations ?? {}).map(({ groupId }) => groupId)).toEqual(['carol', 'bob']);
  });

  it('a queued message that was sent moves into the log and stands there once', () => {
    const queued = { ...say(null, 5), messageId: 'own' };
    const opened = withPage(start(), 'bob', page([say(1, 1), queued]), 'newest');

    const sent = reduce(opened, { type: 'messageChanged', message: { ...queued, seq: 2, delivery: { state: 'sent' } } });

    expect(sent.threads['bob']?.messages.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('the outbox stays behind everything that the log has', () => {
    const opened = withPage(start(), 'bob', page([say(1, 1), say(null, 2)]), 'newest');

    const later = reduce(opened, { type: 'messageChanged', message: say(2, 9) });

    expect(later.threads['bob']?.messages.map(({ seq }) => seq)).toEqual([1, 2, null]);
  });

  it('older pages go before what is loaded', () => {
    const opened = withPage(start(), 'bob', page([say(3, 3)]), 'newest');

    const older = withPage(opened, 'bob', { ...page([say(1, 1), say(2, 2)]), reachedStart: true }, 'older');

    expect(older.threads['bob']).toMatchObject({ reachedStart: true, messages: [{ seq: 1 }, { seq: 2 }, { seq: 3 }] });
  });

  it('messages of a conversation that was never opened are not collected', () => {
    const after = reduce(start(), { type: 'messageChanged', message: say(1, 1) });

    expect(after.threads).toEqual({});
  });

  it('signing out forgets everything that belonged to the account', () => {
    const full = withPage(reduce(start(), { type: 'conversationChanged', conversation: talk('bob', 1, 2) }), 'bob', page([say(1, 1)]), 'newest');

    const out = reduce({ ...full, drafts: { bob: 'secret' } }, { type: 'signedOut', reason: 'revoked' });

    expect(out).toMatchObject({ phase: { phase: 'fresh', because: 'revoked' }, profile: null, conversations: null, threads: {}, drafts: {} });
  });

  it('finished transfers leave no ring behind', () => {
    const going = reduce(start(), { type: 'transferProgress', messageId: 'm', direction: 'up', doneBytes: 1, totalBytes: 2 });
    const done = reduce(going, { type: 'transferProgress', messageId: 'm', direction: 'up', doneBytes: 2, totalBytes: 2 });

    expect(Object.keys(going.transfers)).toEqual(['m']);
    expect(done.transfers).toEqual({});
  });
});
