//! The schema's history, embedded in the binary. Append-only: a released migration never changes.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// One step of the history: (version, what, text for SQLite, text for PostgreSQL).
type Step = (i64, &'static str, &'static str, &'static str);

const STEPS: &[Step] = &[
    (
        1,
        "identities",
        include_str!("../../../migrations/sqlite/0001_identities.sql"),
        include_str!("../../../migrations/postgres/0001_identities.sql"),
    ),
    (
        2,
        "groups",
        include_str!("../../../migrations/sqlite/0002_groups.sql"),
        include_str!("../../../migrations/postgres/0002_groups.sql"),
    ),
    (
        3,
        "contents",
        include_str!("../../../migrations/sqlite/0003_contents.sql"),
        include_str!("../../../migrations/postgres/0003_contents.sql"),
    ),
    (
        4,
        "audit",
        include_str!("../../../migrations/sqlite/0004_audit.sql"),
        include_str!("../../../migrations/postgres/0004_audit.sql"),
    ),
    (
        5,
        "session_use",
        include_str!("../../../migrations/sqlite/0005_session_use.sql"),
        include_str!("../../../migrations/postgres/0005_session_use.sql"),
    ),
    (
        6,
        "invites",
        include_str!("../../../migrations/sqlite/0006_invites.sql"),
        include_str!("../../../migrations/postgres/0006_invites.sql"),
    ),
    (
        7,
        "record_changes",
        include_str!("../../../migrations/sqlite/0007_record_changes.sql"),
        include_str!("../../../migrations/postgres/0007_record_changes.sql"),
    ),
    (
        8,
        "factors",
        include_str!("../../../migrations/sqlite/0008_factors.sql"),
        include_str!("../../../migrations/postgres/0008_factors.sql"),
    ),
    (
        9,
        "email_codes",
        include_str!("../../../migrations/sqlite/0009_email_codes.sql"),
        include_str!("../../../migrations/postgres/0009_email_codes.sql"),
    ),
    (
        10,
        "account_deletion",
        include_str!("../../../migrations/sqlite/0010_account_deletion.sql"),
        include_str!("../../../migrations/postgres/0010_account_deletion.sql"),
    ),
    (
        11,
        "revocations",
        include_str!("../../../migrations/sqlite/0011_revocations.sql"),
        include_str!("../../../migrations/postgres/0011_revocations.sql"),
    ),
];

pub(super) fn sqlite() -> Migrator {
    migrator(|(_, _, sqlite, _)| sqlite)
}

pub(super) fn postgres() -> Migrator {
    migrator(|(_, _, _, postgres)| postgres)
}

fn migrator(text: fn(Step) -> &'static str) -> Migrator {
    let steps = STEPS.iter().map(|&step| {
        Migration::new(step.0, step.1.into(), MigrationType::Simple, text(step).into_sql_str(), false)
    });
    Migrator::with_migrations(steps.collect())
}
