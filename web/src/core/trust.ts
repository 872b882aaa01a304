/** What a contact's key and device list are worth here. */

/**
 * `changed`: the contact's identity key is another one than before (K-4). If it had been verified,
 * sending waits (messages stay `queued`) until `acceptKey` or `confirmMatch`.
 */
export type Trust =
  | { state: 'unverified' }
  | { state: 'verified'; verifiedAt: number }
  | { state: 'changed'; wasVerified: boolean; changedAt: number };

/** K-2: why a signed device list was refused. */
export type ListFault =
  /** Older than the known one. */
  | 'rolledBack'
  /** Beside the known one, not after it. */
  | 'forked'
  | 'badlySigned'
  | 'anotherIdentity'
  /** It takes back what an earlier one said of a device. */
  | 'inconsistent';

/** `match` has already been saved as verified when this answer arrives. */
export type ScanOutcome =
  | 'match'
  /** A code of this contact with other fingerprints: somebody may sit between. */
  | 'mismatch'
  /** A Sotto code that is not about the two of us. */
  | 'otherPerson'
  /** No Sotto code at all. */
  | 'notSotto';
