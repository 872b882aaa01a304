-- Groups: ordered logs of ciphertext (D-1), who is in them, and the inboxes of welcomes.
-- Times are milliseconds since 1970; ids are 16 random bytes.

create table groups (
    group_id blob primary key not null,
    -- protocol's GroupKind: 1 direct, 2 many
    kind integer not null,
    -- direct groups: the two account ids, the lower first, 32 bytes; one live group per pair
    direct_pair blob unique,
    -- last seq given out
    head integer not null,
    -- MLS epoch after the last commit
    epoch integer not null,
    -- messages of the previous epoch are taken until then; 0 after a removing commit (D-6)
    grace_until integer not null,
    -- content up to here was cut because every device has it (D-11)
    cut_seq integer not null,
    created_at integer not null
) strict, without rowid;

-- The group info of the current epoch; written by the commit that began it, and by nothing else (D-3).
create table group_infos (
    group_id blob primary key not null references groups (group_id),
    epoch integer not null,
    -- of the commit that began the epoch
    seq integer not null,
    -- MLS GroupInfo with its ratchet tree
    bytes blob not null
) strict;

-- Accounts that have a leaf, and what they may do (D-8).
create table group_accounts (
    group_id blob not null references groups (group_id),
    account_id blob not null references accounts (account_id),
    -- protocol's Role: 1 admin, 2 member
    role integer not null,
    primary key (group_id, account_id)
) strict, without rowid;
create index group_accounts_by_account on group_accounts (account_id, group_id);

-- Leaves, present and past: a removed device may read up to its removing commit (D-8).
create table group_devices (
    group_id blob not null references groups (group_id),
    device_id blob not null references devices (device_id),
    account_id blob not null,
    -- of the commit that added it
    joined_seq integer not null,
    -- of the commit that removed it; null while it has a leaf
    removed_seq integer,
    -- cumulative: everything up to here is durable at the device (D-10)
    acknowledged_seq integer not null,
    primary key (group_id, device_id)
) strict, without rowid;
create index group_devices_by_device on group_devices (device_id, group_id);

-- The log: one row per accepted post, whatever the size of the group (D-2). A plain rowid table: appended, not
-- clustered by group. A row outlives its content, so that doubles are found (D-4). No sender column.
create table entries (
    group_id blob not null,
    -- from 1, without gaps
    seq integer not null,
    -- protocol's EntryKind: 0 message, 1 commit, 2 external commit
    kind integer not null,
    -- in which it was made
    epoch integer not null,
    received_at integer not null,
    -- HMAC of (group, sender device, message id) under a key outside the database, 16 bytes (D-4)
    double_tag blob not null,
    -- first half of SHA-256 of what was posted, 16 bytes: the same id with other content is a conflict
    posted_hash blob not null,
    -- MLS message; null once retention has cut it (D-11)
    content blob,
    -- commits: encoded CommitEnvelope (D-8)
    commit_envelope blob,
    primary key (group_id, seq)
) strict;
create unique index entries_by_double_tag on entries (double_tag);
-- For what is over by age (D-4, D-11).
create index entries_by_age on entries (received_at);
-- One slot per (group, epoch) (D-3).
create unique index commit_slots on entries (group_id, epoch) where kind <> 0;

-- One welcome may be for many devices and is kept once.
create table welcome_contents (
    group_id blob not null references groups (group_id),
    -- of the commit that added the devices
    seq integer not null,
    -- MLS Welcome
    bytes blob not null,
    primary key (group_id, seq)
) strict;

-- The inboxes: which device still needs which welcome.
create table welcomes (
    -- oldest first
    place integer primary key autoincrement,
    welcome_id blob not null unique,
    device_id blob not null references devices (device_id),
    group_id blob not null,
    seq integer not null,
    created_at integer not null
) strict;
create index welcomes_by_device on welcomes (device_id, place);
create index welcomes_by_content on welcomes (group_id, seq);
