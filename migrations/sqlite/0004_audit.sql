-- The audit log of each account: a chain of hashes. Times are milliseconds since 1970; ids are 16 random bytes.

-- The newest place of an account's chain, and what is left of those that were cut for age or number. Handles that nobody has
-- get a chain of a day too, under an id made from the handle, so that a guess at them is the same work (O-4).
create table audit_heads (
    account_id blob primary key not null,
    -- of the newest row; 0: none yet
    number integer not null,
    -- SHA-256 chain value after that row, 32 bytes
    hash blob not null,
    -- rows before this one are gone; it stays, to show that they were old or many
    cut_number integer not null,
    -- chain value before that row, 32 bytes
    cut_hash blob not null,
    -- tries to open the account since `tries_from` that have a row
    tries integer not null,
    tries_from integer not null
) strict, without rowid;

create table audit_rows (
    account_id blob not null references audit_heads (account_id),
    -- from 1, without gaps
    number integer not null,
    -- protocol's AuditKind
    kind integer not null,
    at integer not null,
    -- the device that it is about, if any
    device_id blob,
    -- what the kind says, else 0
    detail integer not null,
    -- chain value after this row, 32 bytes
    hash blob not null,
    primary key (account_id, number)
) strict, without rowid;
create index audit_rows_by_age on audit_rows (at);
