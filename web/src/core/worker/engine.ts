import { CoreError } from '../calls';
import type {
  AccountId,
  Colour,
  Connection,
  ContactDetails,
  Conversation,
  CoreErrorCode,
  CoreEvent,
  Device,
  DeviceId,
  FactorChoice,
  FileContent,
  GroupId,
  MessageId,
  OwnProfile,
  ScanOutcome,
} from '../calls';
import type { Limits } from '../limits';
import type { PersonSettings } from '../records';

/** Records of the local store: key text and sealed bytes. */
export type Records = [key: string, value: Uint8Array][];

/** Changes that belong together; null deletes. */
export type ChangeSet = [key: string, value: Uint8Array | null][];

export type Load = {
  id: number;
  prefix: string;
  /** Only keys below this one, the highest first; null: all of the prefix, ascending. */
  before: string | null;
  limit: number;
};

export type Request = {
  id: number;
  method: string;
  path: string;
  bearer: boolean;
  contentType: string | null;
  body: Uint8Array | null;
};

/** A `Uint8Array` is a frame to send. */
export type Transmit = 'open' | 'close' | Uint8Array;

export type CommandError = { code: CoreErrorCode; retryAfterMs: number | null };

export type Outcome = { Ok: unknown } | { Err: CommandError };

/** Events of the core: the page's, and the end of a command. */
export type EngineEvent = CoreEvent | { type: 'commandDone'; command: number; outcome: Outcome };

export type NewAccount = {
  handle: string;
  displayName: string;
  colour: number;
  password: string;
  deviceName: string;
  invite: string;
};

export type FileDraft = Omit<FileContent, 'kind'>;

/**
 * The client core in wasm, as the worker drives it: one call, then `poll…` until dry, in the order
 * saves, loads, requests, transmits, events. `now` is milliseconds since 1970. Commands that end
 * later give the number that their `commandDone` will carry. What throws is a `CommandError`;
 * anything else is a trap, after which the instance must not be used.
 */
export type Engine = {
  profile(): OwnProfile | null;
  accessToken(): string | undefined;
  connection(): Connection;
  conversations(): Conversation[];
  devices(): Device[];
  settings(): PersonSettings;
  recoveryKey(): string[] | null;
  contactDetails(accountId: AccountId): ContactDetails;

  checkHandle(handle: string, now: number): number;
  checkRegistration(now: number): number;
  createAccount(account: NewAccount, now: number): number;
  logIn(logIn: LogIn, now: number): number;
  recoverAccount(recover: RecoverAccount, now: number): number;
  showFactor(kind: FactorChoice, code: string, now: number): number;
  provePassword(password: string, now: number): number;
  listFactors(now: number): number;
  startTotp(now: number): number;
  confirmTotp(code: string, now: number): number;
  removeTotp(now: number): number;
  renewRecoveryCodes(now: number): number;
  sendEmailCode(now: number): number;
  startEmail(address: string, now: number): number;
  confirmEmail(code: string, now: number): number;
  removeEmail(now: number): number;
  endSessions(session: string | undefined, now: number): number;
  deleteAccount(handle: string, now: number): number;
  logOut(now: number): number;
  removeDevices(deviceIds: DeviceId[], password: string, now: number): number;
  startConversation(handle: string, now: number): number;
  startConversationByLink(handle: string, fingerprint: string, now: number): number;
  listMessages(groupId: GroupId, beforeSeq: number | null, limit: number, now: number): number;
  openFile(groupId: GroupId, messageId: MessageId, now: number): number;
  listAudit(now: number): number;
  listSessions(now: number): number;
  relayKnowledge(now: number): number;

  connect(now: number): void;
  goOffline(now: number): void;
  confirmRecoveryKey(now: number): void;
  changeProfile(displayName: string, colour: Colour, now: number): void;
  restartAudit(now: number): void;
  changeSettings(choices: Partial<PersonSettings>, now: number): void;
  sendText(groupId: GroupId, text: string, now: number): MessageId;
  retryMessage(groupId: GroupId, messageId: MessageId, now: number): void;
  markRead(groupId: GroupId, uptoSeq: number, now: number): void;
  beginFile(groupId: GroupId, draft: FileDraft, now: number): FileSealer;
  finishFile(messageId: MessageId, now: number): void;
  /** What failed is tried again: its sealed bytes are still at hand. */
  resumeFile(messageId: MessageId, now: number): void;
  failFile(messageId: MessageId, code: CoreErrorCode, now: number): void;
  cancelFile(messageId: MessageId, now: number): void;
  confirmMatch(accountId: AccountId, fingerprint: string, now: number): void;
  blockContact(accountId: AccountId, now: number): void;
  unblockContact(accountId: AccountId, now: number): void;
  acceptContact(accountId: AccountId, now: number): void;
  removeContact(accountId: AccountId, now: number): void;
  withdrawVerification(accountId: AccountId, now: number): void;
  acceptKey(accountId: AccountId, fingerprint: string, now: number): void;
  heedRefusedList(accountId: AccountId, now: number): void;
  scanQr(accountId: AccountId, payload: string, now: number): ScanOutcome;
  /** The opener that an `openFile` has made; once. */
  takeFile(command: number): FileOpener;

  handleAnswered(id: number, status: number, body: Uint8Array, now: number): void;
  handleLost(id: number, now: number): void;
  handleLoaded(id: number, records: Records, now: number): void;
  handleSocketOpened(now: number): void;
  handleSocketClosed(code: number | undefined, now: number): void;
  handleFrame(bytes: Uint8Array, now: number): void;
  handleTimeout(now: number): void;

  pollSave(): ChangeSet | undefined;
  pollLoad(): Load | undefined;
  pollRequest(): Request | undefined;
  pollTransmit(): Transmit | undefined;
  pollEvent(): EngineEvent | undefined;
  pollTimeout(): number | undefined;

  free(): void;
};

export type LogIn = { handle: string; password: string; deviceName: string };

export type RecoverAccount = { handle: string; recoveryKey: string; newPassword: string; deviceName: string };

/** Seals one file into its container; the key stays inside. Every part is opened again before it is given out (F-5). */
export type FileSealer = {
  readonly messageId: MessageId;
  /** Where the container goes. */
  readonly path: string;
  /** Header value of the upload (F-9). */
  readonly capabilityHash: string;
  /** Takes the next bytes of the file and gives what is sealed so far. */
  seal(plaintext: Uint8Array): Uint8Array;
  /** The rest, with the padding; throws `fileUnreadable` unless exactly the announced bytes came. */
  finish(): Uint8Array;
  free(): void;
};

/** Opens one container from its first byte to its last. */
export type FileOpener = {
  readonly path: string;
  /** Header value of the download (F-9). */
  readonly capability: string;
  /** Bytes of the whole container. */
  readonly sealedBytes: number;
  /** Takes the next bytes of the container and gives what is opened so far; throws `fileDamaged`. */
  open(ciphertext: Uint8Array): Uint8Array;
  /** Throws `fileDamaged` unless the container came whole. */
  finish(): void;
  free(): void;
};

/** What the wasm module offers beside an open core. */
export type EngineModule = {
  open(storeKey: Uint8Array, records: Records, now: number): Engine;
  bootPrefixes(): string[];
  limits(): Limits;
  /** The store key under a passphrase. Takes a moment. */
  lockStore(storeKey: Uint8Array, passphrase: string): Uint8Array;
  /** Undefined: another passphrase. */
  unlockStore(lock: Uint8Array, passphrase: string): Uint8Array | undefined;
  /** The same records under another store key. */
  resealRecords(oldKey: Uint8Array, newKey: Uint8Array, records: Records): Records;
  /** What an answer of the relay to a transfer means to a person. */
  refusal(status: number, body: Uint8Array): CommandError;
};

/** What wasm throws for a refused command is a plain `CommandError`; a trap, like every fault of JavaScript, is an `Error`. */
export function refusalIn(error: unknown): CoreError | null {
  if (typeof error !== 'object' || error === null || error instanceof Error || !('code' in error)) return null;
  const { code, retryAfterMs } = error as CommandError;
  return new CoreError(code, retryAfterMs);
}
