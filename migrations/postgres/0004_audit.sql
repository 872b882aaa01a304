-- The audit log of each account: a chain of hashes. Times are milliseconds since 1970; ids are 16 random bytes.

-- The newest place of an account's chain, and what is left of those that were cut for age or number. Handles that nobody has
-- get a chain of a day too, under an id made from the handle, so that a guess at them is the same work (O-4).
create table audit_heads (
    account_id bytea primary key not null,
    -- of the newest row; 0: none yet
    number bigint not null,
    -- SHA-256 chain value after that row, 32 bytes
    hash bytea not null,
    -- rows before this one are gone; it stays, to show that they were old or many
    cut_number bigint not null,
    -- chain value before that row, 32 bytes
    cut_hash bytea not null,
    -- tries to open the account since `tries_from` that have a row
    tries bigint not null,
    tries_from bigint not null
);

create table audit_rows (
    account_id bytea not null references audit_heads (account_id),
    -- from 1, without gaps
    number bigint not null,
    -- protocol's AuditKind
    kind bigint not null,
    at bigint not null,
    -- the device that it is about, if any
    device_id bytea,
    -- what the kind says, else 0
    detail bigint not null,
    -- chain value after this row, 32 bytes
    hash bytea not null,
    primary key (account_id, number)
);
create index audit_rows_by_age on audit_rows (at);
