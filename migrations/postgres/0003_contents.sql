-- Records and blobs: what accounts keep at the relay, sealed. Times are milliseconds since 1970; ids are 16 random bytes.

-- Sealed records of an account, written by compare-and-set (K-6).
create table records (
    account_id bytea not null references accounts (account_id),
    collection text not null,
    record_id bytea not null,
    -- from 1
    version bigint not null,
    ciphertext bytea not null,
    updated_at bigint not null,
    primary key (account_id, collection, record_id)
);

-- Encrypted containers (F-9); their bytes are files of the blob directory.
create table blobs (
    blob_id bytea primary key not null,
    -- SHA-256 of the read capability, 32 bytes
    capability_hash bytea not null,
    size_bytes bigint not null,
    created_at bigint not null
);

-- Who keeps a blob alive; it goes with its last reference.
create table blob_references (
    blob_id bytea not null references blobs (blob_id),
    account_id bytea not null references accounts (account_id),
    created_at bigint not null,
    primary key (blob_id, account_id)
);

-- Files to remove, written in the transaction that made them needless (F-14).
create table blob_removals (
    blob_id bytea primary key not null,
    removed_at bigint not null
);
