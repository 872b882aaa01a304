import { createStore } from 'zustand/vanilla';
import type { StoreApi } from 'zustand/vanilla';
import type {
  AccountId,
  BootState,
  Connection,
  Contact,
  Conversation,
  CoreErrorCode,
  CoreEvent,
  GroupId,
  Keeping,
  Message,
  MessageId,
  MessagePage,
  OwnProfile,
} from './calls';
import type { Limits } from './limits';
import type { RecordsTrouble } from './records';

/** Which of the whole-page screens is on. */
export type Phase =
  | { phase: 'booting' }
  | { phase: 'fresh'; because: 'new' | 'loggedOut' | 'revoked' | 'deleted' | 'forgotten' }
  | { phase: 'ready' }
  | { phase: 'locked' }
  | { phase: 'storeCleared' }
  /** `stays`: what the other tab has is in its memory, and can't be brought here. */
  | { phase: 'otherTab'; stays: boolean }
  | { phase: 'died'; code: CoreErrorCode };

export type Thread = { messages: Message[]; reachedStart: boolean; firstUnreadSeq: number | null };
export type Transfer = { direction: 'up' | 'down'; doneBytes: number; totalBytes: number };

/** A mirror of the worker's events; the truth lives in the worker. */
export type CoreState = {
  phase: Phase;
  limits: Limits | null;
  /** Where the store key is while no tab is open. */
  keeping: Keeping;
  profile: OwnProfile | null;
  connection: Connection;
  queued: number;
  /** Null until the first list has come. */
  conversations: Record<GroupId, Conversation> | null;
  /** Only those that were opened. */
  threads: Record<GroupId, Thread>;
  transfers: Record<MessageId, Transfer>;
  /** Changed keys that nobody has looked at since this page was loaded. */
  changedKeys: Record<GroupId, Contact>;
  /** Counts up whenever details of a contact, or the own devices, have to be asked for again. */
  contactRevision: Record<AccountId, number>;
  devicesRevision: number;
  /** What the relay did with contacts and settings that was not taken; the latest since the page was loaded. */
  recordsTrouble: RecordsTrouble | null;
  /** Not yet sent text; lives as long as the tab. */
  drafts: Record<GroupId, string>;
};

export type CoreStateStore = StoreApi<CoreState>;

const empty: CoreState = {
  phase: { phase: 'booting' },
  limits: null,
  keeping: 'browser',
  profile: null,
  connection: { state: 'connecting' },
  queued: 0,
  conversations: null,
  threads: {},
  transfers: {},
  changedKeys: {},
  contactRevision: {},
  devicesRevision: 0,
  recordsTrouble: null,
  drafts: {},
};

export function createCoreState(): CoreStateStore {
  return createStore<CoreState>()(() => empty);
}

/** The state after boot (or after the next one: everything known before is dropped). */
export function booted(before: CoreState, boot: BootState): CoreState {
  const { limits } = boot;
  switch (boot.state) {
    case 'ready':
      return { ...empty, limits, keeping: boot.keeping, phase: { phase: 'ready' }, profile: boot.profile, drafts: before.drafts };
    case 'fresh':
      return { ...empty, limits, phase: { phase: 'fresh', because: boot.forgotten ? 'forgotten' : 'new' } };
    case 'locked':
      return { ...empty, limits, keeping: 'passphrase', phase: { phase: 'locked' } };
    case 'storeCleared':
      return { ...empty, limits, phase: { phase: 'storeCleared' } };
    case 'otherTab':
      return { ...empty, limits, phase: { phase: 'otherTab', stays: boot.stays } };
  }
}

/** Nothing of the account is left in the page; what the store says comes next. */
export function dropped(before: CoreState): CoreState {
  return { ...empty, limits: before.limits };
}

/** An account was created or opened in this tab. */
export function entered(before: CoreState, profile: OwnProfile): CoreState {
  return { ...empty, limits: before.limits, keeping: before.keeping, connection: before.connection, phase: { phase: 'ready' }, profile };
}

/** The state after an event. */
export function reduce(state: CoreState, event: CoreEvent): CoreState {
  switch (event.type) {
    case 'connectionChanged':
      return { ...state, connection: event.connection, queued: event.queued };
    case 'profileChanged':
      return { ...state, profile: event.profile };
    case 'devicesChanged':
      return { ...state, devicesRevision: state.devicesRevision + 1 };
    case 'conversationChanged':
      return withConversation(state, event.conversation);
    case 'conversationRemoved':
      return withoutConversation(state, event.groupId);
    case 'messageChanged':
      return withThread(state, event.message.groupId, (thread) => withMessage(thread, event.message));
    case 'messageRemoved':
      return withoutMessage(state, event.groupId, event.messageId);
    case 'recordsTroubled':
      return { ...state, recordsTrouble: event.trouble };
    case 'messageReceived':
    case 'settingsChanged':
      return state;
    case 'transferProgress':
      return withTransfer(state, event);
    case 'contactChanged':
      return withContactRevision(state, event.accountId);
    case 'keyChanged':
      return withContactRevision(
        { ...state, changedKeys: { ...state.changedKeys, [event.groupId]: event.contact } },
        event.contact.accountId,
      );
    case 'takenOver':
      return { ...empty, limits: state.limits, drafts: state.drafts, phase: { phase: 'otherTab', stays: false } };
    case 'signedOut':
      return { ...empty, limits: state.limits, phase: { phase: 'fresh', because: event.reason } };
    case 'fatal':
      return { ...state, phase: { phase: 'died', code: event.code } };
  }
}

export function withConversations(state: CoreState, list: Conversation[]): CoreState {
  const listed = Object.fromEntries(list.map((conversation) => [conversation.groupId, conversation]));
  // An event may have overtaken the answer: what came by event is newer.
  return { ...state, conversations: { ...listed, ...state.conversations } };
}

/** Puts an older page before, or the newest page in place of, what is loaded. */
export function withPage(
  state: CoreState,
  groupId: GroupId,
  page: MessagePage,
  place: 'newest' | 'older',
): CoreState {
  const known = state.threads[groupId];
  const messages = place === 'older' && known ? merge(page.messages, known.messages) : page.messages;
  const firstUnreadSeq = place === 'older' && known ? known.firstUnreadSeq : page.firstUnreadSeq;
  return {
    ...state,
    threads: { ...state.threads, [groupId]: { messages, reachedStart: page.reachedStart, firstUnreadSeq } },
  };
}

export function sortedConversations(conversations: Record<GroupId, Conversation>): Conversation[] {
  return Object.values(conversations).sort((a, b) => b.activeAt - a.activeAt || (a.groupId < b.groupId ? -1 : 1));
}

export function unreadTotal(conversations: Record<GroupId, Conversation> | null): number {
  return Object.values(conversations ?? {}).reduce((sum, conversation) => sum + conversation.unread, 0);
}

function withConversation(state: CoreState, conversation: Conversation): CoreState {
  const changedKeys = { ...state.changedKeys };
  if (conversation.peer.trust.state !== 'changed') delete changedKeys[conversation.groupId];
  return {
    ...state,
    changedKeys,
    conversations: { ...state.conversations, [conversation.groupId]: conversation },
  };
}

function withThread(state: CoreState, groupId: GroupId, change: (thread: Thread) => Thread): CoreState {
  const thread = state.threads[groupId];
  if (!thread) return state;
  return { ...state, threads: { ...state.threads, [groupId]: change(thread) } };
}

function withMessage(thread: Thread, message: Message): Thread {
  return { ...thread, messages: merge(thread.messages, [message]) };
}

function withoutConversation(state: CoreState, groupId: GroupId): CoreState {
  const conversations = { ...state.conversations };
  const threads = { ...state.threads };
  const drafts = { ...state.drafts };
  delete conversations[groupId];
  delete threads[groupId];
  delete drafts[groupId];
  return { ...state, conversations, threads, drafts };
}

function withoutMessage(state: CoreState, groupId: GroupId, messageId: MessageId): CoreState {
  const transfers = { ...state.transfers };
  delete transfers[messageId];
  return withThread({ ...state, transfers }, groupId, (thread) => ({
    ...thread,
    messages: thread.messages.filter((message) => message.messageId !== messageId),
  }));
}

function withTransfer(state: CoreState, event: Extract<CoreEvent, { type: 'transferProgress' }>): CoreState {
  const { messageId, direction, doneBytes, totalBytes } = event;
  const transfers = { ...state.transfers };
  if (doneBytes >= totalBytes) delete transfers[messageId];
  else transfers[messageId] = { direction, doneBytes, totalBytes };
  return { ...state, transfers };
}

function withContactRevision(state: CoreState, accountId: AccountId): CoreState {
  const revision = (state.contactRevision[accountId] ?? 0) + 1;
  return { ...state, contactRevision: { ...state.contactRevision, [accountId]: revision } };
}

/** By seq, then the outbox in the order of its times; the later list wins on the same id. */
function merge(older: Message[], newer: Message[]): Message[] {
  const byId = new Map<MessageId, Message>();
  for (const message of older) byId.set(message.messageId, message);
  for (const message of newer) byId.set(message.messageId, message);
  return [...byId.values()].sort(inOrder);
}

function inOrder(a: Message, b: Message): number {
  if (a.seq !== null && b.seq !== null) return a.seq - b.seq;
  if (a.seq === null && b.seq === null) return a.sentAt - b.sentAt;
  return a.seq === null ? 1 : -1;
}
