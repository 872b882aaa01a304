-- Accounts, devices, sessions and key packages. Times are milliseconds since 1970; ids are 16 random bytes.

-- A person. Written whole by one registration (O-7).
create table accounts (
    account_id bytea primary key not null,
    -- folded to lower case before it gets here
    handle text not null unique,
    -- 16 random bytes, new with every OPAQUE registration (O-4)
    credential_id bytea not null,
    -- id of the OPAQUE set-up that made the record (O-5), 16 bytes
    opaque_setup_id bytea not null,
    -- OPAQUE RegistrationUpload, 192 bytes
    opaque_record bytea not null,
    -- SHA-256 of the recovery key's log-in half, 32 bytes
    recovery_auth_hash bytea not null,
    -- Ed25519 public key that signs certificates and lists (K-1), 32 bytes
    identity_key bytea not null,
    -- the current encoded, signed device list (K-2)
    device_list bytea not null,
    -- its version, from 1
    device_list_version bigint not null,
    -- the vault's record in the collection `vault`
    vault_record_id bytea not null,
    created_at bigint not null
);

-- Wrapped keys of an account; only who has the key above can make or open one.
create table wraps (
    account_id bytea not null references accounts (account_id),
    -- protocol's WrapKind: 1 password, 2 recovery, 4 root
    kind bigint not null,
    -- root generation, else 0
    generation bigint not null,
    bytes bytea not null,
    primary key (account_id, kind, generation)
);

-- A device of an account: one MLS client. Rows stay after revocation.
create table devices (
    device_id bytea primary key not null,
    account_id bytea not null references accounts (account_id),
    -- encoded certificate, signed by the identity key
    certificate bytea not null,
    -- Ed25519 public key of log-ins and commits, 32 bytes
    device_auth_key bytea not null,
    created_at bigint not null,
    -- to the hour
    last_seen_at bigint not null,
    -- null while live: signed out, idle or removed
    revoked_at bigint
);
create index devices_by_account on devices (account_id);

-- One family of refresh tokens of one device.
create table sessions (
    session_id bytea primary key not null,
    device_id bytea not null references devices (device_id),
    account_id bytea not null,
    created_at bigint not null,
    -- null while live: signed out, revoked, or ended by a re-used refresh token
    revoked_at bigint
);
create index sessions_by_device on sessions (device_id);

-- Refresh tokens, hashed. Rotated ones stay for a week, so that a re-used one is recognised.
create table refresh_tokens (
    -- SHA-256 of the token, 32 bytes
    token_hash bytea primary key not null,
    session_id bytea not null references sessions (session_id),
    issued_at bigint not null,
    -- when its successor was made; null while it is the newest
    rotated_at bigint
);
create index refresh_tokens_by_session on refresh_tokens (session_id);
create index refresh_tokens_by_rotation on refresh_tokens (rotated_at);

-- Answers of one-transaction requests, so that they can be repeated (O-7).
create table answered_requests (
    idempotency_id bytea primary key not null,
    -- SHA-256 of the whole request, 32 bytes
    content_hash bytea not null,
    account_id bytea not null,
    device_id bytea not null,
    session_id bytea not null,
    answered_at bigint not null
);
create index answered_requests_by_age on answered_requests (answered_at);

-- Tickets and nonces that may be used once, and were.
create table spent_tickets (
    -- random part of the ticket or nonce
    ticket_id bytea primary key not null,
    -- after this the row may go: the ticket itself is over
    expires_at bigint not null
);
create index spent_tickets_by_age on spent_tickets (expires_at);

-- The last guesses at a handle's secret (O-1), for handles that exist and such that don't.
create table guess_budgets (
    -- HMAC of the handle under the relay's secret, 32 bytes
    subject bytea primary key not null,
    -- times of the guesses of the last day, 8 bytes big-endian each, oldest first
    guesses bytea not null,
    last_guess_at bigint not null
);
create index guess_budgets_by_age on guess_budgets (last_guess_at);

-- MLS key packages, each handed out once, the last-resort one excepted (RFC 9420 section 16.8, D-12).
create table key_packages (
    key_package_id bigint generated always as identity primary key,
    device_id bytea not null references devices (device_id),
    -- 1 for the one that may be reused
    last_resort bigint not null,
    bytes bytea not null,
    expires_at bigint not null
);
create index key_packages_by_device on key_packages (device_id, last_resort, key_package_id);

-- Claims of key packages: the same id gives the same packages for an hour.
create table claims (
    claim_id bytea not null,
    claimant_account_id bytea not null references accounts (account_id),
    target_account_id bytea not null references accounts (account_id),
    claimed_at bigint not null,
    -- when a commit used it up
    closed_at bigint,
    primary key (claimant_account_id, claim_id)
);
create index claims_by_age on claims (claimed_at);

-- What a claim was given.
create table claimed_key_packages (
    claimant_account_id bytea not null,
    claim_id bytea not null,
    device_id bytea not null,
    last_resort bigint not null,
    bytes bytea not null,
    primary key (claimant_account_id, claim_id, device_id)
);
