/**
 * The contract between the page and the core worker: every call, every event, every error.
 * Both sides compile against this file, with the types of records, limits and of the log beside it, and nothing else passes between them.
 *
 * Ids are base64url strings, times are milliseconds since 1970, sizes are bytes. Text is text: the
 * page words every sentence from kinds and codes. No key crosses, with one exception that says so.
 */
import type { AuditLog, AuditRefusal } from './audit';
import type { Limits } from './limits';
import type { PersonSettings, RecordsTrouble } from './records';
import type { ListFault, ScanOutcome, Trust } from './trust';

export type { AuditEntry, AuditKind, AuditLog, AuditRefusal } from './audit';
export type { ListFault, ScanOutcome, Trust } from './trust';

export type AccountId = string;
export type DeviceId = string;
export type GroupId = string;
export type MessageId = string;

/** Index into the six face colours of the palette. */
export type Colour = 0 | 1 | 2 | 3 | 4 | 5;

// ---------------------------------------------------------------- own account

export type OwnProfile = {
  accountId: AccountId;
  deviceId: DeviceId;
  handle: string;
  displayName: string;
  colour: Colour;
  /** K-4: 64 lower-case hex digits of the account's own fingerprint. */
  fingerprint: string;
  /** False until the two groups of the recovery key have been typed back. */
  recoveryKeyConfirmed: boolean;
  /** When this device joined. Messages from before are not on it. */
  deviceCreatedAt: number;
  /** The relay has shown an audit log that contradicts what this device has seen. */
  auditRefused: AuditRefusal | null;
  /** The relay gives a device list of one's own that was refused; null once it gives the right one. */
  refusedList: ListFault | null;
};

export type SessionView = {
  sessionId: string;
  deviceId: DeviceId;
  deviceName: string | null;
  /** Of the device that answers. */
  current: boolean;
  createdAt: number;
  /** To the hour. */
  lastUsedAt: number;
  /** The network of its last log-in or refresh, as coarse as the relay keeps it; null: not known. */
  address: string | null;
};

export type KnownTable = { table: string; rowCount: number; columns: string[] };

export type RelayKnowledge = {
  /** Tables with something about the account in them. */
  tables: KnownTable[];
  /** Everything as JSON. */
  export: string;
};

export type FactorChoice = 'totp' | 'email' | 'recoveryCode';

/** What the relay asks for before it opens the account; one of them is enough. */
export type FactorPrompt = { factors: FactorChoice[]; expiresAt: number };

/** What a log-in ends with. */
export type Entered = { profile: OwnProfile } | { factor: FactorPrompt };

/** One's own second factors. */
export type Factors = {
  /** Null: no authenticator app. */
  totpSince: number | null;
  /** Where codes are sent; null: nowhere. */
  email: string | null;
  recoveryCodesLeft: number;
};

/** Where the key of this browser's store is while no tab is open: with the browser, under a passphrase, nowhere. */
export type Keeping = 'browser' | 'passphrase' | 'memory';

export type BootState =
  /** No account in this browser; `forgotten`: what was in here was to be forgotten, and is now. */
  | { state: 'fresh'; forgotten: boolean; limits: Limits }
  /** The store opened; the socket may still be connecting. */
  | { state: 'ready'; profile: OwnProfile; keeping: Keeping; limits: Limits }
  /** Only `unlock` goes on from here, or leaving the account. */
  | { state: 'locked'; limits: Limits }
  /** The relay still knows this browser's session, but the store is empty: the browser cleared it. */
  | { state: 'storeCleared'; limits: Limits }
  /** Another tab holds the store. `takeOver` steals it, unless its key is in that tab's memory only (`stays`). */
  | { state: 'otherTab'; stays: boolean; limits: Limits };

export type Device = {
  deviceId: DeviceId;
  /** Named by its owner's client, known to own devices only; null if it was never named. */
  name: string | null;
  createdAt: number;
  /** When the relay last saw it, to the hour; null until it was asked. */
  lastSeenAt: number | null;
  /** The device that answers. */
  current: boolean;
};

// ---------------------------------------------------------------- contacts

export type Contact = {
  accountId: AccountId;
  handle: string;
  displayName: string;
  colour: Colour;
  trust: Trust;
  /** The relay gives a device list of theirs that was refused: unless `heeded`, sending waits until it gives the right one. */
  refusedList: { fault: ListFault; heeded: boolean } | null;
  /** Nothing that they write is kept or shown, and nothing goes to them. */
  blocked: boolean;
  /** They wrote first, and nobody has answered. */
  requested: boolean;
};

export type ContactDetails = Contact & {
  /** K-4: all 64 hex digits; the screen shows the first 32 as 8 groups of 4. */
  fingerprint: string;
  /** K-4: 12 groups of 5 digits, the same on both sides. */
  safetyNumber: string[];
  /** What my QR code says; the other person's scanner compares it. Printable ASCII. */
  qrPayload: string;
  deviceCount: number;
};

// ---------------------------------------------------------------- conversations and messages

export type Delivery =
  /** From somebody else, or a notice. */
  | { state: 'received' }
  /** Saved here, not yet with the relay. */
  | { state: 'queued' }
  /** D-13: the relay has it on disk. */
  | { state: 'sent' }
  | { state: 'failed'; code: CoreErrorCode };

/** why a message can't be read on this device. */
export type UnreadableReason =
  | 'missingCommit'
  | 'epochTooOld'
  | 'generationGap'
  | 'removed'
  | 'forked'
  | 'badData'
  | 'keyDeleted'
  | 'corruptStore'
  | 'needsNewerVersion';

export type Notice =
  /** First line of a conversation on this device: what was said before isn't here. */
  | { notice: 'joinedHere' }
  | { notice: 'keyChanged'; accountId: AccountId; wasVerified: boolean }
  | { notice: 'verified'; accountId: AccountId }
  | { notice: 'verificationWithdrawn'; accountId: AccountId }
  /** `accountId` may be one's own. */
  | { notice: 'deviceAdded'; accountId: AccountId }
  | { notice: 'deviceRemoved'; accountId: AccountId }
  /** D-11: the relay's retention cut `count` entries before this device could read them. */
  | { notice: 'gap'; count: number }
  | { notice: 'unreadable'; reason: UnreadableReason }
  | { notice: 'deviceListRefused'; accountId: AccountId; fault: ListFault }
  | { notice: 'deviceListRepaired'; accountId: AccountId }
  | { notice: 'accountDeleted'; accountId: AccountId };

export type FileContent = {
  kind: 'file';
  name: string;
  /** As the sender said; never trusted for rendering beyond the allow-list of images. */
  mimeType: string;
  sizeBytes: number;
  caption: string;
  /** Pixels, for pictures that the sender's browser could read. */
  image: { width: number; height: number } | null;
};

export type Content = { kind: 'text'; text: string } | FileContent | ({ kind: 'notice' } & Notice);

export type Message = {
  messageId: MessageId;
  groupId: GroupId;
  /** Place in the group's log; null while it is only in the outbox (shown after all others). */
  seq: number | null;
  sentAt: number;
  /** Null for notices. */
  authorId: AccountId | null;
  mine: boolean;
  delivery: Delivery;
  content: Content;
};

export type Conversation = {
  groupId: GroupId;
  peer: Contact;
  /** Newest message or notice; null if nothing was said yet. */
  last: Pick<Message, 'sentAt' | 'mine' | 'delivery' | 'content'> | null;
  unread: number;
  /** The other person's account was deleted: nothing can be sent any more. */
  closed: boolean;
  /** For sorting: time of `last`, else of the conversation's start. */
  activeAt: number;
  /** This device can't follow it any more; `startConversation` lets it in again. */
  ended: boolean;
};

export type MessagePage = {
  /** In the order of the screen: by `seq`, then the outbox (only on the newest page). */
  messages: Message[];
  /** Nothing older exists on this device. */
  reachedStart: boolean;
  /** First entry that has not been marked read. */
  firstUnreadSeq: number | null;
};

// ---------------------------------------------------------------- calls

type None = Record<string, never>;

export type RegistrationMode = 'open' | 'invite' | 'closed';

/** Every call of the page to the core worker: name → argument and result. Failures are `CoreError`s. */
export type CoreCalls = {
  /** First call of every page. */
  boot: { args: None; result: BootState };
  /** From `otherTab` or after `takenOver`: steals the lock, raises the fence. */
  takeOver: { args: None; result: BootState };
  /** The tab became visible or was resumed: reconnect now instead of waiting out a backoff. */
  wake: { args: None; result: None };

  /** From `locked`: opens the store. `wrongPassphrase`, and `rateLimited` after the third in a row. */
  unlock: { args: { passphrase: string }; result: BootState };
  /** From now on the passphrase opens the store, and nothing in the browser does. `current`: the one so far, if there is one. */
  setLock: { args: { passphrase: string; current: string | null }; result: None };
  /** From now on the browser opens the store by itself. */
  removeLock: { args: { current: string }; result: None };
  /** Before somebody signs in: `memory` keeps the key in this tab only, so that it is gone with it. */
  chooseKeeping: { args: { keeping: 'browser' | 'memory' }; result: None };

  checkHandle: { args: { handle: string }; result: { availability: 'free' | 'taken' | 'invalid' } };
  /** Whom the relay lets register. */
  checkRegistration: { args: None; result: { mode: RegistrationMode } };
  /** O-7: whole or not at all. `invite`: the code of an invitation, empty without one. `deviceName` goes into the vault, the relay never sees it. */
  createAccount: {
    args: { handle: string; displayName: string; colour: Colour; password: string; deviceName: string; invite: string };
    result: { profile: OwnProfile };
  };
  logIn: { args: { handle: string; password: string; deviceName: string }; result: Entered };
  /** `recoveryKey` as typed; spaces, hyphens and case don't matter. */
  recoverAccount: {
    args: { handle: string; recoveryKey: string; newPassword: string; deviceName: string };
    result: Entered;
  };
  /**
   * O-2: shows the second factor that the call before ended with (`{ factor }`), and ends as that call would have.
   * After `factorWrong` and `factorUsed` it may be called again; after `factorTriesExhausted` and `factorExpired` the
   * password comes first again.
   */
  showFactor: { args: { kind: FactorChoice; code: string }; result: Entered | None };

  /** Has the code of the log-in that waits sent to the address on file; `rateLimited` within a minute. */
  sendEmailCode: { args: None; result: None };

  listFactors: { args: None; result: Factors };
  /** The fresh proof that the calls below ask for (`proofNeeded` without it); lasts for ten minutes. */
  provePassword: { args: { password: string }; result: None | { factor: FactorPrompt } };
  /** `secret`: base 32, for the authenticator app; the second secret that crosses, to be shown. */
  startTotp: { args: None; result: { secret: string } };
  /** Ten recovery codes, to be shown once; none if the account has some left. */
  confirmTotp: { args: { code: string }; result: { codes: string[] } };
  removeTotp: { args: None; result: None };
  /** Has a code sent to a new address. */
  startEmail: { args: { address: string }; result: None };
  /** As `confirmTotp`. */
  confirmEmail: { args: { code: string }; result: { codes: string[] } };
  removeEmail: { args: None; result: None };
  renewRecoveryCodes: { args: None; result: { codes: string[] } };
  /** Signs the device of that session out, at once; null: all but this one. Asks for the fresh proof. */
  endSessions: { args: { sessionId: string | null }; result: None };
  /**
   * Deletes the account at the relay, for good, and wipes the store; `handle` as its owner typed it. Asks for the fresh
   * proof. The event `signedOut` follows, also after an answer that was lost.
   */
  deleteAccount: { args: { handle: string }; result: None };
  /** K-7: revokes this device at the relay, then wipes its store, locked or not. Fails within ten seconds, and has then changed nothing. */
  logOut: { args: None; result: None };
  /** Wipes the store without telling the relay: for somebody who can't reach it. */
  forgetAccount: { args: None; result: None };

  /**
   * The one secret that crosses: 9 groups of 4, to be written down. Null once it has been
   * confirmed, and on devices that did not make it.
   */
  recoveryKey: { args: None; result: { groups: string[] | null } };
  /** The two groups were typed back: the worker forgets the recovery key. */
  confirmRecoveryKey: { args: None; result: None };
  /** Here at once, soon on the person's other devices and in each of their conversations. */
  changeProfile: { args: { displayName: string; colour: Colour }; result: None };

  listDevices: { args: None; result: Device[] };
  /** K-8: others of one's own devices, for ever. Offline nothing happens; once signed, it goes on until it is done. */
  removeDevices: { args: { deviceIds: DeviceId[]; password: string }; result: None | { factor: FactorPrompt } };

  /** Which sessions of the account live, as the relay knows them. */
  listSessions: { args: None; result: SessionView[] };
  /** Everything that the relay's tables hold about the account. */
  relayKnowledge: { args: None; result: RelayKnowledge };
  /** Fetches the account's log, and checks that it is one chain that goes on from what this device has seen. */
  listAudit: { args: None; result: AuditLog };
  /** After a refusal: forget what was seen, and believe what the relay shows next. */
  restartAudit: { args: None; result: None };
  settings: { args: None; result: PersonSettings };
  /** What is given is chosen, here at once and on the person's other devices soon; the rest stays. */
  changeSettings: { args: Partial<PersonSettings>; result: None };

  listConversations: { args: None; result: Conversation[] };
  /** Returns the existing conversation if there is one. */
  startConversation: { args: { handle: string }; result: { groupId: GroupId } };
  /** Only with whom the fingerprint names, all 64 hex digits of it. */
  startConversationByLink: { args: { handle: string; fingerprint: string }; result: { groupId: GroupId } };
  /** `beforeSeq` null: the newest page. At most `limit` (1…200) messages besides the outbox. */
  listMessages: { args: { groupId: GroupId; beforeSeq: number | null; limit: number }; result: MessagePage };
  /** Answers when the text is saved in the outbox; `messageChanged` shows it and its ticks. */
  sendText: { args: { groupId: GroupId; text: string }; result: { messageId: MessageId } };
  /** Sends a `failed` message again under the same id. */
  retryMessage: { args: { groupId: GroupId; messageId: MessageId }; result: None };
  markRead: { args: { groupId: GroupId; uptoSeq: number }; result: None };

  /** Answers when the message is in the outbox; `transferProgress` and `messageChanged` follow. */
  sendFile: {
    args: { groupId: GroupId; file: File; caption: string; image: { width: number; height: number } | null };
    result: { messageId: MessageId };
  };
  /** Fetches, checks and opens the file; `transferProgress` on the way. The Blob has no type. */
  openFile: { args: { groupId: GroupId; messageId: MessageId }; result: { blob: Blob } };
  /**
   * Stops an upload (its message goes, `messageRemoved`) or a download (`openFile` fails with
   * `cancelled`). Nothing under way: nothing happens.
   */
  cancelTransfer: { args: { groupId: GroupId; messageId: MessageId }; result: None };

  contactDetails: { args: { accountId: AccountId }; result: ContactDetails };
  /** "They match": `fingerprint` is the one that was on the screen; another one now: `keyChanged`. */
  confirmMatch: { args: { accountId: AccountId; fingerprint: string }; result: None };
  /** On all of the person's devices; the other one is not told. */
  blockContact: { args: { accountId: AccountId }; result: None };
  unblockContact: { args: { accountId: AccountId }; result: None };
  /** Takes their request: they hear who one is. Writing to them does the same. */
  acceptContact: { args: { accountId: AccountId }; result: None };
  /** The conversation leaves all of the person's devices; what they write next is a request. */
  removeContact: { args: { accountId: AccountId }; result: None };
  withdrawVerification: { args: { accountId: AccountId }; result: None };
  /** Go on with a changed key without comparing it; same guard as `confirmMatch`. */
  acceptKey: { args: { accountId: AccountId; fingerprint: string }; result: None };
  /** Send to the devices that are known here, though the relay gives another list. */
  heedRefusedList: { args: { accountId: AccountId }; result: None };
  scanQr: { args: { accountId: AccountId; payload: string }; result: { outcome: ScanOutcome } };
};

export type CallName = keyof CoreCalls;
export type CallArgs<N extends CallName> = CoreCalls[N]['args'];
export type CallResult<N extends CallName> = CoreCalls[N]['result'];

/** What implements the calls: the worker over client-wasm, or a script in tests. */
export type CoreHandlers = { [N in CallName]: (args: CallArgs<N>) => Promise<CallResult<N>> };

// ---------------------------------------------------------------- events

export type Connection =
  | { state: 'connecting' }
  | { state: 'online' }
  /** `retryAt` null: no try is planned (the browser says it has no network). */
  | { state: 'offline'; retryAt: number | null };

export type CoreEvent =
  /** `queued`: messages in the outbox. Sent on every change of either. */
  | { type: 'connectionChanged'; connection: Connection; queued: number }
  | { type: 'profileChanged'; profile: OwnProfile }
  | { type: 'devicesChanged' }
  | { type: 'settingsChanged'; settings: PersonSettings }
  | { type: 'recordsTroubled'; trouble: RecordsTrouble }
  /** New or changed: replaces the one with this `groupId`. */
  | { type: 'conversationChanged'; conversation: Conversation }
  | { type: 'conversationRemoved'; groupId: GroupId }
  /** New or changed: replaces the one with this `messageId`. */
  | { type: 'messageChanged'; message: Message }
  | { type: 'messageRemoved'; groupId: GroupId; messageId: MessageId }
  /** A new message of somebody else, for notifications; its `messageChanged` has come before. */
  | { type: 'messageReceived'; message: Message }
  /** `doneBytes` reaches `totalBytes` when the transfer is over, well or not. */
  | { type: 'transferProgress'; messageId: MessageId; direction: 'up' | 'down'; doneBytes: number; totalBytes: number }
  /** Details of this contact (key, devices, trust) are not what they were. */
  | { type: 'contactChanged'; accountId: AccountId }
  | { type: 'keyChanged'; groupId: GroupId; contact: Contact }
  /** The fence was raised by another tab: this worker has stopped. */
  | { type: 'takenOver' }
  /** `revoked`: removed at the relay; `deleted`: the account is gone. The store is wiped. */
  | { type: 'signedOut'; reason: 'loggedOut' | 'revoked' | 'deleted' }
  /** The core can't go on (a trap in wasm, a corrupt store). The page ends the worker and may start a new one. */
  | { type: 'fatal'; code: CoreErrorCode };

// ---------------------------------------------------------------- errors

export type CoreErrorCode =
  | 'wrongPassword'
  | 'handleTaken'
  | 'handleInvalid'
  /** No account has it, or none that may be written to. */
  | 'handleUnknown'
  | 'ownHandle'
  | 'displayNameInvalid'
  | 'passwordTooShort'
  /** The checksum of the typed recovery key is wrong. */
  | 'recoveryKeyMistyped'
  | 'recoveryKeyWrong'
  | 'factorWrong'
  /** Right, but good for once. */
  | 'factorUsed'
  | 'factorTriesExhausted'
  /** The second step took longer than five minutes, or a set-up longer than ten. */
  | 'factorExpired'
  /** `provePassword` first. */
  | 'proofNeeded'
  | 'emailInvalid'
  /** The other person's account was deleted. */
  | 'accountGone'
  | 'registrationClosed'
  | 'inviteInvalid'
  | 'tooManyDevices'
  /** `retryAfterMs` says when. */
  | 'rateLimited'
  /** The peer has no device that could be added now. */
  | 'peerUnreachable'
  | 'textTooLong'
  | 'fileTooLarge'
  /** The picked file is gone, changed, or can't be read. */
  | 'fileUnreadable'
  /** The container fails its checks (F-2, F-3). */
  | 'fileDamaged'
  /** Expired or deleted at the relay. */
  | 'fileGone'
  | 'cancelled'
  /** The key is not the one the person looked at, or a changed key waits for a decision. */
  | 'keyChanged'
  | 'notFound'
  | 'notAllowed'
  | 'offline'
  | 'relayFull'
  | 'relayUnavailable'
  /** An answer that an honest relay does not give; nothing was taken from it. */
  | 'relayMisbehaved'
  | 'peerMisbehaved'
  | 'outOfSync'
  /** `startConversationByLink`: the directory shows another key. */
  | 'linkMismatch'
  /** The relay wants a newer client. */
  | 'outOfDate'
  /** Writing to this browser's store failed (disk full, private window). */
  | 'storeFailed'
  | 'takenOver'
  /** The store waits for its passphrase. */
  | 'locked'
  | 'wrongPassphrase'
  | 'signedOut'
  /** The worker is gone; what was not answered may or may not have happened. */
  | 'coreDied'
  | 'misuse';

/** The only failure of a call. Its `message` is for the console, never for the screen. */
export class CoreError extends Error {
  override readonly name = 'CoreError';

  constructor(
    readonly code: CoreErrorCode,
    readonly retryAfterMs: number | null = null,
  ) {
    super(code);
  }
}

// ---------------------------------------------------------------- the messages themselves

/** Page → worker. Answers carry the same `id`; ids count up from 1 per worker. */
export type CallMessage = { [N in CallName]: { id: number; call: N; args: CallArgs<N> } }[CallName];

/** Worker → page. (Structured clone drops an Error's `code`, so errors travel as plain data.) */
export type WorkerMessage =
  | { id: number; result: CallResult<CallName> }
  | { id: number; error: { code: CoreErrorCode; retryAfterMs: number | null } }
  | { event: CoreEvent };
