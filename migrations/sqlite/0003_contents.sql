-- Records and blobs: what accounts keep at the relay, sealed. Times are milliseconds since 1970; ids are 16 random bytes.

-- Sealed records of an account, written by compare-and-set (K-6).
create table records (
    account_id blob not null references accounts (account_id),
    collection text not null,
    record_id blob not null,
    -- from 1
    version integer not null,
    ciphertext blob not null,
    updated_at integer not null,
    primary key (account_id, collection, record_id)
) strict;

-- Encrypted containers (F-9); their bytes are files of the blob directory.
create table blobs (
    blob_id blob primary key not null,
    -- SHA-256 of the read capability, 32 bytes
    capability_hash blob not null,
    size_bytes integer not null,
    created_at integer not null
) strict;

-- Who keeps a blob alive; it goes with its last reference.
create table blob_references (
    blob_id blob not null references blobs (blob_id),
    account_id blob not null references accounts (account_id),
    created_at integer not null,
    primary key (blob_id, account_id)
) strict, without rowid;

-- Files to remove, written in the transaction that made them needless (F-14).
create table blob_removals (
    blob_id blob primary key not null,
    removed_at integer not null
) strict;
