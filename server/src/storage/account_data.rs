//! Everything that the tables hold about one account. Every table and column of the schema stands here or in
//! [`NOT_ABOUT_ACCOUNTS`]: a test walks the schema and fails for one that does not.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use protocol::{
    AccountId,
    account_data::{DataColumn, DataKind, DataTable, DataValue},
    values::List,
};

use super::{Connection, Row, StorageError, query};

/// One table that knows accounts.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    /// Name and kind of each column, as they are selected.
    pub columns: &'static [(&'static str, DataKind)],
    select: &'static str,
    count: &'static str,
}

macro_rules! selected {
    (Bytes $column:literal) => {
        concat!("cast(length(", $column, ") as bigint)")
    };
    ($kind:ident $column:literal) => {
        $column
    };
}

macro_rules! table {
    ($name:literal where $whose:literal: $($kind:ident $column:literal),+) => {
        Table {
            name: $name,
            columns: &[$(($column, DataKind::$kind)),+],
            select: concat!(
                "select 1", $(", ", selected!($kind $column),)+
                " from ", $name, " where ", $whose, " order by 2 limit 200"
            ),
            count: concat!("select count(*) from ", $name, " where ", $whose),
        }
    };
}

/// Whose rows a table holds, `$1` being the account.
macro_rules! own {
    ($name:literal: $($columns:tt)+) => {
        table!($name where "account_id = $1": $($columns)+)
    };
}
macro_rules! of_devices {
    ($name:literal: $($columns:tt)+) => {
        table!($name where "device_id in (select device_id from devices where account_id = $1)": $($columns)+)
    };
}
macro_rules! of_groups {
    ($name:literal: $($columns:tt)+) => {
        table!($name where "group_id in (select group_id from group_accounts where account_id = $1)": $($columns)+)
    };
}

/// All of them.
pub const TABLES: &[Table] = &[
    own!("accounts": Id "account_id", Text "handle", Bytes "credential_id", Bytes "opaque_setup_id",
        Bytes "opaque_record", Bytes "recovery_auth_hash", Id "identity_key", Bytes "device_list",
        Number "device_list_version", Id "vault_record_id", Time "created_at"),
    own!("wraps": Id "account_id", Number "kind", Number "generation", Bytes "bytes"),
    own!("devices": Id "device_id", Id "account_id", Bytes "certificate", Id "device_auth_key",
        Time "created_at", Time "last_seen_at", Time "revoked_at", Bytes "revocation"),
    own!("sessions": Id "session_id", Id "device_id", Id "account_id", Time "created_at", Time "revoked_at",
        Time "last_used_at", Text "address"),
    table!("refresh_tokens" where "session_id in (select session_id from sessions where account_id = $1)":
        Bytes "token_hash", Id "session_id", Time "issued_at", Time "rotated_at"),
    own!("answered_requests": Id "idempotency_id", Bytes "content_hash", Id "account_id", Id "device_id",
        Id "session_id", Time "answered_at"),
    own!("audit_heads": Id "account_id", Number "number", Id "hash", Number "cut_number", Id "cut_hash",
        Number "tries", Time "tries_from"),
    own!("audit_rows": Number "number", Id "account_id", Number "kind", Time "at", Id "device_id",
        Number "detail", Id "hash"),
    own!("totp_factors": Id "account_id", Bytes "sealed_seed", Number "last_step", Time "created_at"),
    own!("email_factors": Id "account_id", Bytes "sealed_address", Time "created_at"),
    own!("email_codes": Time "expires_at", Id "account_id", Bytes "ticket_id", Bytes "code_hash"),
    own!("email_sendings": Id "account_id", Time "last_at", Number "sent", Time "sent_from"),
    own!("recovery_codes": Bytes "code_hash", Id "account_id", Time "used_at"),
    of_devices!("key_packages": Number "key_package_id", Id "device_id", Number "last_resort", Bytes "bytes",
        Time "expires_at"),
    table!("claims" where "claimant_account_id = $1 or target_account_id = $1": Time "claimed_at",
        Id "claim_id", Id "claimant_account_id", Id "target_account_id", Time "closed_at"),
    table!("claimed_key_packages" where "claimant_account_id = $1 or device_id in (select device_id from devices \
        where account_id = $1)": Id "claim_id", Id "claimant_account_id", Id "device_id", Number "last_resort",
        Bytes "bytes"),
    of_groups!("groups": Id "group_id", Number "kind", Id "direct_pair", Number "head", Number "epoch",
        Time "grace_until", Number "cut_seq", Time "created_at", Time "closed_at"),
    of_groups!("group_infos": Id "group_id", Number "epoch", Number "seq", Bytes "bytes"),
    of_groups!("group_accounts": Id "group_id", Id "account_id", Number "role"),
    own!("group_devices": Id "group_id", Id "device_id", Id "account_id", Number "joined_seq",
        Number "removed_seq", Number "acknowledged_seq"),
    of_groups!("entries": Id "group_id", Number "seq", Number "kind", Number "epoch", Time "received_at",
        Bytes "double_tag", Bytes "posted_hash", Bytes "content", Bytes "commit_envelope"),
    of_devices!("welcomes": Number "place", Id "welcome_id", Id "device_id", Id "group_id", Number "seq",
        Time "created_at"),
    of_groups!("welcome_contents": Id "group_id", Number "seq", Bytes "bytes"),
    own!("record_heads": Id "account_id", Number "head", Number "records", Number "bytes"),
    own!("records": Text "collection", Id "account_id", Id "record_id", Number "version", Bytes "ciphertext",
        Time "updated_at", Number "change", Number "deleted"),
    own!("blob_references": Id "blob_id", Id "account_id", Time "created_at"),
    table!("blobs" where "blob_id in (select blob_id from blob_references where account_id = $1)": Id "blob_id",
        Bytes "capability_hash", Number "size_bytes", Time "created_at"),
];

/// Tables that name nobody: what they hold can't be traced to an account, or belongs to none.
pub const NOT_ABOUT_ACCOUNTS: &[(&str, &str)] = &[
    ("spent_tickets", "random numbers of tickets that were used, for minutes"),
    ("factor_tries", "how often a code was tried under random numbers of tickets, for minutes"),
    ("guess_budgets", "times of tries under an HMAC of the handle, for a day"),
    ("invites", "hashes of the operator's invitations; which account came by which is not kept"),
    ("tombstones", "HMACs of handles and ids of deleted accounts, under a key outside the database"),
    ("blob_removals", "files that are about to be removed"),
    ("_sqlx_migrations", "the history of the schema"),
];

/// The rows of one table about `account`, at most 200 of them, and how many there are.
pub async fn list(
    conn: &mut Connection,
    account: AccountId,
    table: &Table,
) -> Result<DataTable, StorageError> {
    let row_count = query(table.count).bind(account).fetch_one(conn).await?.get(0)?;
    let rows = query(table.select).bind(account).fetch_all(conn).await?;
    let too_many = |_| StorageError::Malformed { column: 0 };
    let column = |(name, kind): &(&str, DataKind)| DataColumn { name: (*name).to_owned(), kind: *kind };
    let values = rows.iter().map(|row| values(row, table)).collect::<Result<Vec<_>, _>>()?;
    Ok(DataTable {
        table: table.name.to_owned(),
        row_count,
        columns: List::new(table.columns.iter().map(column).collect()).map_err(too_many)?,
        values: List::new(values).map_err(too_many)?,
    })
}

fn values<const MAX: usize>(row: &Row, table: &Table) -> Result<List<DataValue, MAX>, StorageError> {
    let value = |(place, (_, kind)): (usize, &(&str, DataKind))| {
        let column = place + 1;
        Ok(match kind {
            DataKind::Number | DataKind::Time | DataKind::Bytes => {
                row.get::<Option<u64>>(column)?.map(DataValue::Number)
            }
            DataKind::Text => row.get::<Option<String>>(column)?.map(DataValue::Text),
            DataKind::Id => row.bytes(column)?.map(|bytes| DataValue::Text(URL_SAFE_NO_PAD.encode(bytes))),
        }
        .unwrap_or(DataValue::Absent(())))
    };
    let values = table.columns.iter().enumerate().map(value).collect::<Result<Vec<_>, StorageError>>()?;
    List::new(values).map_err(|_| StorageError::Malformed { column: 0 })
}
