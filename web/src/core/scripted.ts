import { CoreError } from './calls';
import type {
  AuditEntry,
  AuditKind,
  AuditRefusal,
  BootState,
  CallArgs,
  CallName,
  CallResult,
  Connection,
  Contact,
  ContactDetails,
  Content,
  CoreErrorCode,
  CoreEvent,
  CoreHandlers,
  Delivery,
  Device,
  Entered,
  FactorPrompt,
  Factors,
  Message,
  OwnProfile,
  RegistrationMode,
  Trust,
} from './calls';
import type { Core } from './client';
import type { Limits } from './limits';
import type { PersonSettings } from './records';
import { nextSeq, summary } from './scripted-conversations';
import type { ScriptedConversation } from './scripted-conversations';
import { ownDevices, sessions } from './scripted-devices';

/**
 * A core that plays a script in memory, for tests of screens. It keeps the contract of `calls.ts`
 * (order of events, ticks, errors) and holds no cryptography; nothing of the app imports it.
 */
export type Script = {
  boot: BootState['state'];
  connection: Connection;
  recoveryKeyConfirmed: boolean;
  registration: RegistrationMode;
  conversations: ScriptedConversation[];
  devices: Device[];
  /** The next call of this name fails so. */
  failures: Partial<Record<CallName, CoreErrorCode>>;
  /** What opens the store; null: no lock. */
  passphrase: string | null;
  /** Where the store key is without a lock. */
  keeping: 'browser' | 'memory';
  /** Log-ins and proofs wait for this code. */
  code: string | null;
  /** Second factors of the account. */
  factors: Factors;
  /** What every message sent from now on becomes. */
  delivery: Delivery;
  now: number;
};

export const scriptLimits: Limits = { textMaxBytes: 16_000, fileMaxBytes: 100_000_000, displayNameMaxBytes: 64, handleMaxChars: 32, passwordMinChars: 10 };

const recoveryKey = ['7KQ4', 'M2XE', '9TWB', 'C0HN', '5VJD', 'RA83', 'Z6PY', '1FGS', 'KD4H'];
const recoveryCodes = ['K7M2X9TWBC', '0HN5VJDRA8', '3Z6PY1FGSK', 'D4H7KQ4M2X', 'E9TWBC0HN5', 'VJDRA83Z6P', 'Y1FGSKD4H7', 'KQ4M2XE9TW', 'BC0HN5VJDR', 'A83Z6PY1FG'];
const safetyNumber = ['46170', '91284', '30558', '77214', '08963', '51127', '60492', '83315', '29701', '44836', '15520', '98067'];
const fingerprints = ['9f3a41d077c2be150a6e8d44c9135b7f2b90e6d1743c58aa01f7bd926ec834d5', '1c5e7d20b94f63a8e0d2471f9b6c385a4e81f72dc09356ba7f14e8d3052b96ca'];

export function ownProfile(recoveryKeyConfirmed: boolean): OwnProfile {
  return { accountId: 'alice', deviceId: 'alice-1', handle: 'alice', displayName: 'Alice', colour: 0, fingerprint: fingerprints[1] ?? '', recoveryKeyConfirmed, deviceCreatedAt: 0, auditRefused: null, refusedList: null };
}

export function contact(handle: string, displayName: string, colour: Contact['colour'], trust: Trust = { state: 'unverified' }): Contact {
  return { accountId: handle, handle, displayName, colour, trust, refusedList: null, blocked: false, requested: false };
}

/** One message of a scripted conversation; `seq` null makes it wait in the outbox. */
export function message(groupId: string, seq: number | null, sentAt: number, from: 'me' | 'peer' | 'notice', content: Content): Message {
  const mine = from === 'me';
  return {
    messageId: `${groupId}-${seq ?? `out${sentAt}`}`,
    groupId,
    seq,
    sentAt,
    authorId: from === 'notice' ? null : mine ? 'alice' : groupId,
    mine,
    delivery: mine ? { state: seq === null ? 'queued' : 'sent' } : { state: 'received' },
    content,
  };
}

export class ScriptedCore implements Core {
  readonly script: Script;
  readonly calls: { [N in CallName]?: CallArgs<N>[] } = {};
  private readonly listeners = new Set<(event: CoreEvent) => void>();
  private profile: OwnProfile;
  private entering: 'profile' | 'proof' = 'profile';
  private proved = false;
  private address = '';
  private readonly ended = new Set<string>();
  private settings: PersonSettings = { appearance: null, notifyShowsName: null, notifyShowsText: null };
  /** Devices that are being removed. */
  private leaving: string[] = [];
  private readonly files = new Map<string, Blob>();
  private readonly stopped = new Set<string>();

  constructor(script: Partial<Script> = {}) {
    const now = script.now ?? Date.now();
    this.script = { devices: ownDevices(now), boot: 'ready', connection: { state: 'online' }, recoveryKeyConfirmed: true, registration: 'open', conversations: [], failures: {}, passphrase: null, keeping: 'browser', code: null, factors: { totpSince: null, email: null, recoveryCodesLeft: 0 }, delivery: { state: 'sent' }, now, ...script };
    this.profile = ownProfile(this.script.recoveryKeyConfirmed);
  }

  async call<N extends CallName>(call: N, args: CallArgs<N>): Promise<CallResult<N>> {
    ((this.calls[call] ??= []) as CallArgs<N>[]).push(args);
    const failure = this.script.failures[call];
    if (failure) {
      delete this.script.failures[call];
      throw new CoreError(failure);
    }
    return (this.handlers[call] as (given: CallArgs<N>) => Promise<CallResult<N>>)(args);
  }

  subscribe(listener: (event: CoreEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  restart(): void {
    this.script.boot = this.script.passphrase === null ? 'ready' : 'locked';
  }

  emit(event: CoreEvent): void {
    for (const listener of this.listeners) listener(event);
  }

  /** Gives a file message its bytes. */
  holdFile(messageId: string, blob: Blob): void {
    this.files.set(messageId, blob);
  }

  /** Somebody writes. */
  receive(groupId: string, content: Content): Message {
    const scripted = this.find(groupId);
    const received = message(groupId, nextSeq(scripted), this.script.now, 'peer', content);
    this.put(scripted, received);
    this.emit({ type: 'messageReceived', message: received });
    return received;
  }

  changeKey(groupId: string): void {
    const scripted = this.find(groupId);
    const wasVerified = scripted.contact.trust.state === 'verified';
    this.put(scripted, message(groupId, nextSeq(scripted), this.script.now, 'notice', { kind: 'notice', notice: 'keyChanged', accountId: groupId, wasVerified }));
    this.know(groupId, { trust: { state: 'changed', wasVerified, changedAt: this.script.now } });
    this.emit({ type: 'keyChanged', groupId, contact: scripted.contact });
  }

  /** The relay shows another log than before. */
  refuseAudit(auditRefused: AuditRefusal | null): void {
    this.profile = { ...this.profile, auditRefused };
    this.emit({ type: 'profileChanged', profile: this.profile });
  }

  /** The relay gives a device list of theirs that is refused. */
  refuseList(groupId: string): void {
    const scripted = this.find(groupId);
    this.put(scripted, message(groupId, nextSeq(scripted), this.script.now, 'notice', { kind: 'notice', notice: 'deviceListRefused', accountId: groupId, fault: 'rolledBack' }));
    scripted.contact = { ...scripted.contact, refusedList: { fault: 'rolledBack', heeded: false } };
    this.emit({ type: 'conversationChanged', conversation: summary(scripted) });
  }

  /** Their account is deleted. */
  closeConversation(groupId: string): void {
    const scripted = this.find(groupId);
    scripted.closed = true;
    this.put(scripted, message(groupId, nextSeq(scripted), this.script.now, 'notice', { kind: 'notice', notice: 'accountDeleted', accountId: groupId }));
  }

  connect(connection: Connection, queued: number): void {
    this.emit({ type: 'connectionChanged', connection, queued });
  }

  readonly handlers: CoreHandlers = {
    boot: async () => this.bootState(),
    unlock: async ({ passphrase }) => {
      if (passphrase !== this.script.passphrase) throw new CoreError('wrongPassphrase');
      this.script.boot = 'ready';
      return this.bootState();
    },
    setLock: async ({ passphrase, current }) => {
      if (current !== this.script.passphrase) throw new CoreError('wrongPassphrase');
      this.script.passphrase = passphrase;
      return {};
    },
    removeLock: async ({ current }) => {
      if (current !== this.script.passphrase) throw new CoreError('wrongPassphrase');
      this.script.passphrase = null;
      return {};
    },
    chooseKeeping: async ({ keeping }) => {
      this.script.keeping = keeping;
      return {};
    },
    takeOver: async () => {
      this.script.boot = 'ready';
      return this.bootState();
    },
    wake: async () => ({}),
    checkHandle: async ({ handle }) => ({ availability: !/^[a-z][a-z0-9._-]{2,31}$/.test(handle) ? 'invalid' : handle === 'bob' ? 'taken' : 'free' }),
    checkRegistration: async () => ({ mode: this.script.registration }),
    createAccount: async ({ handle, displayName, colour }) => {
      this.profile = { ...ownProfile(false), handle, displayName, colour };
      this.emit({ type: 'connectionChanged', connection: { state: 'online' }, queued: 0 });
      return { profile: this.profile };
    },
    logIn: async () => this.enter('profile'),
    recoverAccount: async () => this.enter('profile'),
    showFactor: async ({ code }) => {
      if (code.replace(/\D/g, '') !== this.script.code) throw new CoreError('factorWrong');
      if (this.entering === 'profile') return { profile: this.profile };
      this.proved = true;
      this.removeLeaving();
      return {};
    },
    listFactors: async () => this.script.factors,
    provePassword: async () => this.enter('proof'),
    startTotp: async () => ({ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' }),
    confirmTotp: async () => {
      this.script.factors = { ...this.script.factors, totpSince: this.script.now, recoveryCodesLeft: 10 };
      return { codes: recoveryCodes };
    },
    removeTotp: async () => {
      this.script.factors = { ...this.script.factors, totpSince: null };
      return {};
    },
    renewRecoveryCodes: async () => ({ codes: recoveryCodes }),
    sendEmailCode: async () => ({}),
    startEmail: async ({ address }) => {
      if (!address.includes('@')) throw new CoreError('emailInvalid');
      this.address = address;
      return {};
    },
    confirmEmail: async () => {
      this.script.factors = { ...this.script.factors, email: this.address, recoveryCodesLeft: 10 };
      return { codes: recoveryCodes };
    },
    removeEmail: async () => {
      this.script.factors = { ...this.script.factors, email: null };
      return {};
    },
    endSessions: async ({ sessionId }) => {
      if (!this.proved) throw new CoreError('proofNeeded');
      for (const session of sessions(this.script.now)) if (sessionId === null ? !session.current : session.sessionId === sessionId) this.ended.add(session.sessionId);
      return {};
    },
    deleteAccount: async ({ handle }) => {
      if (!this.proved) throw new CoreError('proofNeeded');
      if (handle !== this.profile.handle) throw new CoreError('handleInvalid');
      this.emit({ type: 'signedOut', reason: 'deleted' });
      return {};
    },
    logOut: async () => {
      this.emit({ type: 'signedOut', reason: 'loggedOut' });
      return {};
    },
    forgetAccount: async () => {
      this.emit({ type: 'signedOut', reason: 'loggedOut' });
      return {};
    },
    recoveryKey: async () => ({ groups: this.profile.recoveryKeyConfirmed ? null : recoveryKey }),
    confirmRecoveryKey: async () => {
      this.profile = { ...this.profile, recoveryKeyConfirmed: true };
      this.emit({ type: 'profileChanged', profile: this.profile });
      return {};
    },
    changeProfile: async ({ displayName, colour }) => {
      this.profile = { ...this.profile, displayName, colour };
      this.emit({ type: 'profileChanged', profile: this.profile });
      return {};
    },
    settings: async () => this.settings,
    changeSettings: async (choices) => {
      this.settings = { ...this.settings, ...choices };
      this.emit({ type: 'settingsChanged', settings: this.settings });
      return {};
    },
    listDevices: async () => this.script.devices,
    removeDevices: async ({ deviceIds }) => {
      this.leaving = deviceIds;
      const entered = this.enter('proof');
      if (!('factor' in entered)) this.removeLeaving();
      return entered;
    },
    listSessions: async () => sessions(this.script.now).filter((session) => !this.ended.has(session.sessionId)),
    relayKnowledge: async () => ({
      tables: [
        { table: 'accounts', rowCount: 1, columns: ['account_id', 'handle', 'created_at'] },
        { table: 'sessions', rowCount: 4, columns: ['session_id', 'device_id', 'created_at', 'address'] },
        { table: 'unheard_of', rowCount: 2, columns: ['account_id'] },
      ],
      export: '{}',
    }),
    listAudit: async () => {
      const { now } = this.script;
      const refused = this.profile.auditRefused;
      const entry = (number: number, kind: AuditKind | null, daysAgo: number, device: 1 | 2 | null): AuditEntry => ({
        number,
        kind,
        at: now - daysAgo * 86_400_000,
        deviceId: device && `alice-${device}`,
        deviceName: device === 2 ? 'Chrome on Android' : device && 'Firefox on Linux',
        current: device === 1,
        wentOn: number === 2,
      });
      const entries = [
        entry(1, 'registered', 40, 1),
        entry(2, 'loginTried', 3, null),
        entry(3, 'openedByPassword', 3, null),
        entry(4, 'deviceAdded', 3, 2),
        entry(5, 'loginTried', 1, null),
        entry(6, 'refreshReused', 0, 2),
        entry(7, null, 0, null),
      ];
      return { entries: refused ? [] : entries, cut: false, refused, export: '{}' };
    },
    restartAudit: async () => {
      this.refuseAudit(null);
      return {};
    },
    listConversations: async () => this.script.conversations.map(summary),
    startConversationByLink: async ({ handle }) => ({ groupId: handle }),
    startConversation: async ({ handle }) => {
      if (handle === 'nobody') throw new CoreError('handleUnknown');
      if (handle === this.profile.handle) throw new CoreError('ownHandle');
      const known = this.script.conversations.find((one) => one.contact.handle === handle);
      if (!known) {
        const started = { contact: contact(handle, handle, 3), messages: [], readUptoSeq: 0 };
        this.script.conversations.push(started);
        this.emit({ type: 'conversationChanged', conversation: { ...summary(started), activeAt: this.script.now } });
      }
      return { groupId: handle };
    },
    listMessages: async ({ groupId, beforeSeq, limit }) => {
      const { messages, readUptoSeq } = this.find(groupId);
      const stored = messages.filter(({ seq }) => seq !== null && (beforeSeq === null || seq < beforeSeq));
      const outbox = beforeSeq === null ? messages.filter(({ seq }) => seq === null) : [];
      const unread = messages.find((one) => one.seq !== null && one.seq > readUptoSeq && !one.mine);
      return { messages: [...stored.slice(-limit), ...outbox], reachedStart: stored.length <= limit, firstUnreadSeq: unread?.seq ?? null };
    },
    sendText: async ({ groupId, text }) => this.send(groupId, { kind: 'text', text }),
    retryMessage: async ({ groupId, messageId }) => {
      const scripted = this.find(groupId);
      const failed = scripted.messages.find((one) => one.messageId === messageId);
      if (!failed) throw new CoreError('notFound');
      this.put(scripted, { ...failed, seq: nextSeq(scripted), delivery: { state: 'sent' } });
      return {};
    },
    markRead: async ({ groupId, uptoSeq }) => {
      const scripted = this.find(groupId);
      scripted.readUptoSeq = Math.max(scripted.readUptoSeq, uptoSeq);
      this.emit({ type: 'conversationChanged', conversation: summary(scripted) });
      return {};
    },
    sendFile: async ({ groupId, file, caption, image }) => {
      const { messageId } = await this.send(groupId, { kind: 'file', name: file.name, mimeType: file.type, sizeBytes: file.size, caption, image });
      this.files.set(messageId, file);
      return { messageId };
    },
    openFile: async ({ messageId }) => {
      const blob = this.files.get(messageId);
      if (!blob) throw new CoreError('fileGone');
      return { blob };
    },
    cancelTransfer: async ({ groupId, messageId }) => {
      this.stopped.add(messageId);
      const scripted = this.find(groupId);
      scripted.messages = scripted.messages.filter((one) => one.messageId !== messageId);
      this.emit({ type: 'messageRemoved', groupId, messageId });
      return {};
    },
    contactDetails: async ({ accountId }) => this.details(accountId),
    confirmMatch: async ({ accountId, fingerprint }) => {
      if (fingerprint !== this.details(accountId).fingerprint) throw new CoreError('keyChanged');
      this.verify(accountId);
      return {};
    },
    blockContact: async ({ accountId }) => {
      this.know(accountId, { blocked: true });
      return {};
    },
    unblockContact: async ({ accountId }) => {
      this.know(accountId, { blocked: false });
      return {};
    },
    acceptContact: async ({ accountId }) => {
      this.know(accountId, { requested: false });
      return {};
    },
    removeContact: async ({ accountId }) => {
      this.script.conversations = this.script.conversations.filter((one) => one.contact.accountId !== accountId);
      this.emit({ type: 'conversationRemoved', groupId: accountId });
      return {};
    },
    withdrawVerification: async ({ accountId }) => {
      this.know(accountId, { trust: { state: 'unverified' } });
      return {};
    },
    acceptKey: async ({ accountId }) => {
      this.know(accountId, { trust: { state: 'unverified' } });
      return {};
    },
    heedRefusedList: async ({ accountId }) => {
      const scripted = this.find(accountId);
      scripted.contact = { ...scripted.contact, refusedList: { fault: 'rolledBack', heeded: true } };
      this.emit({ type: 'conversationChanged', conversation: summary(scripted) });
      return {};
    },
    scanQr: async ({ accountId, payload }) => {
      if (!payload.startsWith('sotto-verify:v1:')) return { outcome: 'notSotto' };
      const [, , ids, keys] = payload.split(':');
      if (ids !== `${accountId}+alice`) return { outcome: 'otherPerson' };
      if (keys !== 'same') return { outcome: 'mismatch' };
      this.verify(accountId);
      return { outcome: 'match' };
    },
  };

  private removeLeaving(): void {
    this.script.devices = this.script.devices.filter(({ deviceId }) => !this.leaving.includes(deviceId));
    this.leaving = [];
    this.emit({ type: 'devicesChanged' });
  }

  private enter<T extends 'profile' | 'proof'>(what: T): T extends 'profile' ? Entered : { factor: FactorPrompt } | Record<string, never> {
    this.entering = what;
    this.proved ||= what === 'proof' && this.script.code === null;
    const factor = { factor: { factors: [...(this.script.factors.email === null ? ['totp' as const] : ['email' as const]), 'recoveryCode' as const], expiresAt: this.script.now + 300_000 } };
    const given = this.script.code !== null ? factor : what === 'profile' ? { profile: this.profile } : {};
    return given as never;
  }

  private bootState(): BootState {
    const state = this.script.boot;
    const limits = scriptLimits;
    queueMicrotask(() => this.connect(this.script.connection, 0));
    switch (state) {
      case 'ready':
        return { state, profile: this.profile, keeping: this.script.passphrase === null ? this.script.keeping : 'passphrase', limits };
      case 'fresh':
        return { state, forgotten: false, limits };
      case 'otherTab':
        return { state, stays: false, limits };
      case 'locked':
      case 'storeCleared':
        return { state, limits };
    }
  }

  private find(groupId: string): ScriptedConversation {
    const found = this.script.conversations.find((one) => one.contact.accountId === groupId);
    if (!found) throw new CoreError('notFound');
    return found;
  }

  private details(accountId: string): ContactDetails {
    return { ...this.find(accountId).contact, fingerprint: fingerprints[0] ?? '', safetyNumber, qrPayload: `sotto-verify:v1:alice+${accountId}:${fingerprints.join('')}`, deviceCount: 2 };
  }

  private verify(accountId: string): void {
    const scripted = this.find(accountId);
    this.know(accountId, { trust: { state: 'verified', verifiedAt: this.script.now } });
    this.put(scripted, message(accountId, nextSeq(scripted), this.script.now, 'notice', { kind: 'notice', notice: 'verified', accountId }));
  }

  private know(accountId: string, known: Partial<Contact>): void {
    const scripted = this.find(accountId);
    scripted.contact = { ...scripted.contact, ...known };
    this.emit({ type: 'conversationChanged', conversation: summary(scripted) });
    this.emit({ type: 'contactChanged', accountId });
  }

  /** Queued first, then what the script says, as the real core does. */
  private async send(groupId: string, content: Content): Promise<{ messageId: string }> {
    const scripted = this.find(groupId);
    const queued: Message = { ...message(groupId, null, this.script.now, 'me', content), messageId: `own-${scripted.messages.length}-${this.script.now}` };
    this.put(scripted, queued);
    const { delivery } = this.script;
    if (delivery.state !== 'queued') {
      setTimeout(() => this.put(scripted, { ...queued, delivery, seq: delivery.state === 'sent' ? nextSeq(scripted) : null }), 20);
    }
    return { messageId: queued.messageId };
  }

  private put(scripted: ScriptedConversation, changed: Message): void {
    const others = scripted.messages.filter((one) => one.messageId !== changed.messageId);
    scripted.messages = [...others, changed];
    this.emit({ type: 'messageChanged', message: changed });
    this.emit({ type: 'conversationChanged', conversation: summary(scripted) });
  }
}
