-- Second factors. Times are milliseconds since 1970; ids are 16 random bytes.

-- An account's authenticator app (RFC 6238).
create table totp_factors (
    account_id blob primary key not null references accounts (account_id),
    -- the seed under a key outside the database: nonce 12, seed 20, tag 16
    sealed_seed blob not null,
    -- the newest 30-second step that was used; it and earlier ones are refused
    last_step integer not null,
    created_at integer not null
) strict;

-- Codes that stand in for a lost factor, each good for once.
create table recovery_codes (
    account_id blob not null references accounts (account_id),
    -- HMAC of account and code under a key outside the database, 32 bytes
    code_hash blob not null,
    -- null until then
    used_at integer,
    primary key (account_id, code_hash)
) strict, without rowid;

-- Tries at log-ins that wait for their second factor (O-2).
create table factor_tries (
    -- random part of the ticket
    ticket_id blob primary key not null,
    tries integer not null,
    -- after this the row may go: the ticket itself is over
    expires_at integer not null
) strict;
create index factor_tries_by_age on factor_tries (expires_at);
