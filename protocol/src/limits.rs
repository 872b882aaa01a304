//! Every bound of the wire, named once with its unit. API.md lists these values; a test compares them.

/// Version in the path of every route (`/v1/…`) and in the socket's `hello`.
pub const PROTOCOL_VERSION: u32 = 1;
/// The version of this client that group contexts may demand at least.
pub const CLIENT_VERSION: u32 = 1;
/// Number of the cipher suite `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` (`crypto.md`).
pub const SUITE: u16 = 0x004e;

// Accounts and sessions
/// Fewest characters of a handle.
pub const HANDLE_CHARS_MIN: usize = 3;
/// Most characters of a handle.
pub const HANDLE_CHARS_MAX: usize = 32;
/// Bytes of one OPAQUE message (RFC 9807), with room above the largest of our suite (192).
pub const OPAQUE_BYTES_MAX: usize = 512;
/// Bytes of a sealed ticket that links two steps of a log-in or registration.
pub const TICKET_BYTES_MAX: usize = 512;
/// Bytes of one wrapped key.
pub const WRAP_BYTES_MAX: usize = 512;
/// Wraps of one account: account seed under password, recovery key, passkeys, and the root generations.
pub const WRAPS_MAX: usize = 64;
/// Life of the ticket between the two steps of a log-in, seconds (O-2).
pub const LOGIN_TICKET_SECONDS: u64 = 300;
/// Life of an enrolment ticket, seconds.
pub const ENROLMENT_TICKET_SECONDS: u64 = 600;
/// Life of the ticket of a log-in that waits for its second factor, seconds (O-2).
pub const FACTOR_TICKET_SECONDS: u64 = 300;
/// Tries that such a ticket has.
pub const FACTOR_TRIES_MAX: u64 = 5;
/// Characters of a typed code.
pub const FACTOR_CODE_CHARS_MAX: usize = 16;
/// Kinds of second factors.
pub const FACTOR_KINDS_MAX: usize = 8;
/// Characters of an e-mail address (RFC 5321 §4.5.3.1).
pub const EMAIL_ADDRESS_CHARS_MAX: usize = 254;
/// Life of a code sent by e-mail at most, seconds; it ends with its ticket.
pub const EMAIL_CODE_SECONDS: u64 = 600;
/// Between two codes sent to one account, seconds.
pub const EMAIL_CODE_PAUSE_SECONDS: u64 = 60;
/// Codes sent to one account in a day.
pub const EMAIL_CODES_PER_DAY: u64 = 20;
/// Recovery codes of one account.
pub const RECOVERY_CODES: usize = 10;
/// Life of the nonce that a device signs to log in, seconds.
pub const DEVICE_NONCE_SECONDS: u64 = 60;
/// Life of an access token, seconds.
pub const ACCESS_TOKEN_SECONDS: u64 = 600;
/// Characters of an access token.
pub const ACCESS_TOKEN_CHARS_MAX: usize = 768;
/// A rotated refresh token still gives the same successor for so long, seconds.
pub const REFRESH_GRACE_SECONDS: u64 = 60;
/// A device idle for so long is revoked, seconds (90 days, D-11).
pub const DEVICE_IDLE_SECONDS: u64 = 90 * 86_400;
/// Bytes of one JSON body.
pub const JSON_BODY_BYTES_MAX: usize = 64 * 1024;

// Devices
/// Live devices of one account.
pub const DEVICES_MAX: usize = 8;
/// Entries of a signed device list, revoked ones included.
pub const DEVICE_LIST_ENTRIES_MAX: usize = 64;
/// Bytes of one encoded device list.
pub const DEVICE_LIST_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one encoded device certificate.
pub const CERTIFICATE_BYTES_MAX: usize = 256;
/// Bytes of the account's public sealing key in its device list.
pub const SEALING_KEY_BYTES_MAX: usize = 2048;

// Audit log
/// Rows in one page of the audit log.
pub const AUDIT_PAGE_MAX: usize = 256;
/// Rows that an account's audit log keeps at least, if they are younger than `AUDIT_SECONDS`.
pub const AUDIT_ROWS_MAX: u64 = 2000;
/// Rows of the audit log are kept for so long, seconds (a year).
pub const AUDIT_SECONDS: u64 = 365 * 86_400;
/// Tries to open an account that its audit log notes in one day.
pub const AUDIT_TRIES_PER_DAY: u64 = 20;

// What the relay knows
/// Tables in the answer about an account's data.
pub const DATA_TABLES_MAX: usize = 64;
/// Columns of one of them.
pub const DATA_COLUMNS_MAX: usize = 32;
/// Rows of one of them; how many there are is told beside.
pub const DATA_ROWS_MAX: usize = 200;

// Key packages (D-12)
/// Bytes of one key package.
pub const KEY_PACKAGE_BYTES_MAX: usize = 8 * 1024;
/// One-use key packages that a device keeps at the relay.
pub const KEY_PACKAGES_STOCK: usize = 50;
/// The device is told when fewer are left.
pub const KEY_PACKAGES_LOW: usize = 20;
/// Key packages in one request.
pub const KEY_PACKAGES_BATCH_MAX: usize = 100;
/// A claim id gives the same packages for so long, seconds.
pub const CLAIM_SECONDS: u64 = 3600;
/// Life of a one-use key package, seconds (30 days).
pub const KEY_PACKAGE_SECONDS: u64 = 30 * 86_400;
/// Life of a last-resort key package, seconds (120 days).
pub const LAST_RESORT_SECONDS: u64 = 120 * 86_400;

// Groups
/// Accounts in one group.
pub const GROUP_ACCOUNTS_MAX: usize = 256;
/// Leaves in one group.
pub const GROUP_LEAVES_MAX: usize = 1000;
/// Groups of which one account is a member.
pub const GROUPS_PER_ACCOUNT_MAX: usize = 1000;
/// Bytes of one commit.
pub const COMMIT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Bytes of one welcome.
pub const WELCOME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one group info with its ratchet tree.
pub const GROUP_INFO_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of one CBOR body that carries a commit bundle.
pub const BUNDLE_BODY_BYTES_MAX: usize =
    COMMIT_BYTES_MAX + WELCOME_BYTES_MAX + GROUP_INFO_BYTES_MAX + 256 * 1024;
/// Bytes of every other CBOR body.
pub const CBOR_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one application message.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;
/// Bytes of encoded deltas.
pub const DELTAS_BYTES_MAX: usize = 64 * 1024;
/// Claims closed by one commit bundle.
pub const CLAIMS_PER_COMMIT_MAX: usize = 64;
/// Entries in one page of a group's log.
pub const ENTRIES_PAGE_MAX: usize = 256;
/// Bytes of entries in one page, a single larger entry excepted.
pub const ENTRIES_PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Groups in one page of the list of groups.
pub const GROUPS_PAGE_MAX: usize = 256;
/// Welcomes in one page of the inbox.
pub const WELCOMES_PAGE_MAX: usize = 16;
/// The relay still takes messages of the previous epoch for so long, milliseconds (D-6).
pub const EPOCH_GRACE_MS: u64 = 10_000;
/// Entries are kept at most so long by default, seconds (30 days, D-11).
pub const MESSAGE_TTL_SECONDS: u64 = 30 * 86_400;
/// Doubles of a post are found for so long, seconds (30 days, D-4).
pub const DOUBLES_SECONDS: u64 = 30 * 86_400;

// Records
/// Bytes of one record's ciphertext.
pub const RECORD_BYTES_MAX: usize = 256 * 1024;
/// Characters of a collection's name.
pub const COLLECTION_CHARS_MAX: usize = 32;
/// Bytes of the sealed note of a deletion.
pub const TOMBSTONE_BYTES_MAX: usize = 512;
/// Records in one batch of writes.
pub const RECORDS_BATCH_MAX: usize = 256;
/// Records in one page of the feed of changes.
pub const CHANGES_PAGE_MAX: usize = 1000;
/// Bytes of ciphertext in one page of the feed of changes.
pub const CHANGES_PAGE_BYTES_MAX: usize = 1024 * 1024;

// Blobs (F-9)
/// Bytes of one encrypted container.
pub const BLOB_BYTES_MAX: u64 = 100 * 1024 * 1024;

// The socket (S-1 … S-7)
/// Bytes of one frame, both ways.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Content above this goes by HTTP and is announced by a small frame, bytes.
pub const FRAME_CONTENT_BYTES_MAX: usize = 48 * 1024;
/// Bytes that a connection may send before it has authenticated.
pub const UNAUTHENTICATED_BYTES_MAX: usize = 1024;
/// Time to authenticate, milliseconds.
pub const AUTHENTICATE_MS: u64 = 5_000;
/// Entries sent and not yet acknowledged on one connection.
pub const CREDIT_ENTRIES: usize = 256;
/// Cursors in one `hello` or `acknowledge`.
pub const CURSORS_MAX: usize = 1000;
/// Interval of heartbeats, milliseconds.
pub const HEARTBEAT_MS: u64 = 25_000;
/// A peer silent for so long after a heartbeat is gone, milliseconds.
pub const HEARTBEAT_DEAD_MS: u64 = 10_000;
