-- Deletion of accounts. Times are milliseconds since 1970; ids are 16 random bytes.

-- What stays of deleted accounts, so that nobody comes back as one.
create table tombstones (
    -- HMAC of a handle, an account's id or a device's id under a key outside the database, 32 bytes
    mark bytea primary key not null
);

-- when one of the two accounts of a direct group was deleted: the log takes nothing more; null while it does
alter table groups add column closed_at bigint;

-- a deletion asks by account
create index blob_references_by_account on blob_references (account_id);
create index claims_by_target on claims (target_account_id);
create index sessions_by_account on sessions (account_id);
