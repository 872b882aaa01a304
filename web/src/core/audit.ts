// The account’s log as the page sees it; part of the contract in `calls.ts`.

/** `AuditKind` of `protocol/src/audit.rs`. */
export type AuditKind =
  | 'registered'
  | 'loginTried'
  | 'openedByPassword'
  | 'recoveryRefused'
  | 'openedByRecovery'
  | 'deviceAdded'
  | 'deviceSignedOut'
  | 'deviceRemoved'
  | 'deviceIdle'
  | 'passwordChanged'
  | 'sessionBegun'
  | 'refreshReused'
  | 'factorAsked'
  | 'factorUsed'
  | 'recoveryCodeUsed'
  | 'factorRefused'
  | 'factorAdded'
  | 'factorRemoved'
  | 'recoveryCodesRenewed'
  | 'sessionEnded'
  | 'emailAdded'
  | 'emailRemoved'
  | 'emailCodeUsed';

/** `rolledBack`: it ends too early. `rewritten`: rows are other ones. `dropped`: rows are missing. */
export type AuditRefusal = 'rolledBack' | 'rewritten' | 'dropped';

export type AuditEntry = {
  number: number;
  /** Null: of a newer relay. */
  kind: AuditKind | null;
  at: number;
  deviceId: string | null;
  deviceName: string | null;
  /** It is about the device that answers. */
  current: boolean;
  /** Of `loginTried` and `factorAsked`: a later entry tells that it went on. */
  wentOn: boolean;
};

export type AuditLog = {
  /** The oldest first; none when the log was refused just now. */
  entries: AuditEntry[];
  /** Older rows were cut. */
  cut: boolean;
  refused: AuditRefusal | null;
  /** The whole log as JSON with its hashes. */
  export: string;
};
