-- E-mail codes as second factor. Times are milliseconds since 1970; ids are 16 random bytes.

-- The address of an account that asks for such codes.
create table email_factors (
    account_id blob primary key not null references accounts (account_id),
    -- the address under a key outside the database: nonce 12, address, tag 16
    sealed_address blob not null,
    created_at integer not null
) strict;

-- Codes that were sent and may still be shown.
create table email_codes (
    -- random part of the ticket that it is for
    ticket_id blob primary key not null,
    account_id blob not null references accounts (account_id),
    -- HMAC of ticket and code under a key outside the database, 32 bytes
    code_hash blob not null,
    -- after this the code is refused, and the row may go
    expires_at integer not null
) strict;
create index email_codes_by_age on email_codes (expires_at);

-- When codes were sent to an account: there is a pause between two, and so many in a day.
create table email_sendings (
    account_id blob primary key not null references accounts (account_id),
    last_at integer not null,
    -- codes since `sent_from`
    sent integer not null,
    sent_from integer not null
) strict;
