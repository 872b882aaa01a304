-- Second factors. Times are milliseconds since 1970; ids are 16 random bytes.

-- An account's authenticator app (RFC 6238).
create table totp_factors (
    account_id bytea primary key not null references accounts (account_id),
    -- the seed under a key outside the database: nonce 12, seed 20, tag 16
    sealed_seed bytea not null,
    -- the newest 30-second step that was used; it and earlier ones are refused
    last_step bigint not null,
    created_at bigint not null
);

-- Codes that stand in for a lost factor, each good for once.
create table recovery_codes (
    account_id bytea not null references accounts (account_id),
    -- HMAC of account and code under a key outside the database, 32 bytes
    code_hash bytea not null,
    -- null until then
    used_at bigint,
    primary key (account_id, code_hash)
);

-- Tries at log-ins that wait for their second factor (O-2).
create table factor_tries (
    -- random part of the ticket
    ticket_id bytea primary key not null,
    tries bigint not null,
    -- after this the row may go: the ticket itself is over
    expires_at bigint not null
);
create index factor_tries_by_age on factor_tries (expires_at);
