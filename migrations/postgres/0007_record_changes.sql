-- The feed of a person's records: every change of an account gets the next number, given out inside the writing
-- transaction, so that "after my cursor" never skips one (D-8a).

-- Where an account's feed stands, and what its records take (quotas). Its row is the lock of everybody who writes.
create table record_heads (
    account_id bytea primary key not null references accounts (account_id),
    -- last change number given out
    head bigint not null,
    -- rows in records, tombstones included
    records bigint not null,
    -- sum of their ciphertexts
    bytes bigint not null
);

-- number of the record's last change among all changes of the account, from 1
alter table records add column change bigint not null default 0;
-- 1: a tombstone; ciphertext is the sealed note of the deletion
alter table records add column deleted bigint not null default 0;

-- So far an account had one record, its vault.
update records set change = 1;
insert into record_heads (account_id, head, records, bytes)
select account_id, 1, 1, length(ciphertext) from records;

create unique index records_by_change on records (account_id, change);
