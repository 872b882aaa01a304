//! API.md says what the code does: its tables are compared with the router, the error codes, the frames and the limits.

use protocol::{ErrorCode, audit::AuditKind, limits, socket::close};
use sotto::route::Access;
use std::collections::BTreeMap;

const API: &str = include_str!("../../../API.md");
const LIMITS: &str = include_str!("../../../protocol/src/limits.rs");
const FRAMES: &str = include_str!("../../../protocol/src/socket.rs");

/// The rows of the table under a line that starts with `title`: cells without back-ticks.
fn table(title: &str) -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = API
        .lines()
        .skip_while(|line| !line.starts_with(title))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect())
        .collect();
    assert!(!rows.is_empty(), "no table under {title}");
    rows
}

#[test]
fn the_table_of_routes_is_the_routers() {
    let written: Vec<Vec<String>> = table("## Routes");

    let router: Vec<Vec<String>> = sotto::routes()
        .iter()
        .map(|route| {
            let access = if route.access == Access::Open { "open" } else { "device" };
            let class = format!("{:?}", route.class).to_lowercase();
            let body = route.body_max.to_string();
            vec![route.method.to_string(), route.path.to_owned(), access.to_owned(), class, body]
        })
        .collect();

    for row in &router {
        assert!(written.contains(row), "API.md has no row {row:?}");
    }
    assert_eq!(written.len(), router.len());
}

#[test]
fn every_route_has_a_section_and_every_section_a_route() {
    let mut sections: Vec<&str> = API.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let mut routes: Vec<String> =
        sotto::routes().iter().map(|route| format!("`{} {}`", route.method, route.path)).collect();
    sections.sort_unstable();
    routes.sort();

    assert_eq!(sections, routes);
}

#[test]
fn the_table_of_errors_is_the_codes() {
    let written = table("## Error codes");
    let codes: BTreeMap<u16, Vec<String>> = ErrorCode::TABLE
        .iter()
        .map(|(code, text, status, title)| {
            let row =
                [code.number().to_string(), (*text).to_owned(), status.to_string(), (*title).to_owned()];
            (code.number(), row.to_vec())
        })
        .collect();

    assert_eq!(written, codes.into_values().collect::<Vec<_>>());
}

#[test]
fn every_code_that_the_text_names_exists() {
    let prose = API.split("## Error codes").next().unwrap();
    for code in ErrorCode::TABLE.iter().map(|row| row.1) {
        assert!(prose.contains(code), "no section speaks of {code}");
    }
}

#[test]
fn the_table_of_audit_kinds_is_the_kinds() {
    let kinds: Vec<Vec<String>> = AuditKind::TABLE
        .iter()
        .map(|(kind, name, says)| vec![kind.number().to_string(), (*name).to_owned(), says.replace('`', "")])
        .collect();

    assert_eq!(table("Hash of a row:"), kinds);
}

#[test]
fn the_table_of_close_codes_is_the_sockets() {
    let written: Vec<(String, String)> =
        table("Close codes:").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let codes: Vec<(String, String)> =
        close::TABLE.iter().map(|(code, name)| (code.to_string(), (*name).to_owned())).collect();

    assert_eq!(written, codes);
}

/// Variants of an enum of the socket, with their numbers, as they stand in the source.
fn variants(name: &str) -> Vec<(String, String)> {
    let start = FRAMES.find(&format!("pub enum {name} {{")).unwrap();
    let body = FRAMES[start..].split("\n}").next().unwrap();
    let lines: Vec<&str> = body.lines().collect();
    lines
        .windows(2)
        .filter_map(|pair| {
            let number = pair[0].strip_prefix("    #[n(")?.strip_suffix(")]")?;
            let name = pair[1].trim().split(['(', ' ', ',', '{']).next()?;
            Some((number.to_owned(), name.to_owned()))
        })
        .collect()
}

#[test]
fn the_tables_of_frames_are_the_sockets() {
    for (title, name, count) in
        [("From the client:", "ClientFrame", 6), ("From the relay:", "RelayFrame", 15)]
    {
        let written: Vec<(String, String)> =
            table(title).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();

        assert_eq!(variants(name).len(), count, "the source is written as this test reads it");
        assert_eq!(written, variants(name));
    }
}

macro_rules! values {
    ($($name:ident)*) => {
        [$((stringify!($name), limits::$name.to_string())),*]
    };
}

#[test]
fn the_table_of_limits_is_the_constants() {
    let values = values! {
        PROTOCOL_VERSION CLIENT_VERSION SUITE HANDLE_CHARS_MIN HANDLE_CHARS_MAX OPAQUE_BYTES_MAX
        TICKET_BYTES_MAX WRAP_BYTES_MAX WRAPS_MAX LOGIN_TICKET_SECONDS ENROLMENT_TICKET_SECONDS
        FACTOR_TICKET_SECONDS FACTOR_TRIES_MAX FACTOR_CODE_CHARS_MAX FACTOR_KINDS_MAX EMAIL_ADDRESS_CHARS_MAX
        EMAIL_CODE_SECONDS EMAIL_CODE_PAUSE_SECONDS EMAIL_CODES_PER_DAY RECOVERY_CODES
        DEVICE_NONCE_SECONDS ACCESS_TOKEN_SECONDS ACCESS_TOKEN_CHARS_MAX REFRESH_GRACE_SECONDS
        DEVICE_IDLE_SECONDS JSON_BODY_BYTES_MAX DEVICES_MAX DEVICE_LIST_ENTRIES_MAX
        DEVICE_LIST_BYTES_MAX CERTIFICATE_BYTES_MAX SEALING_KEY_BYTES_MAX AUDIT_PAGE_MAX
        AUDIT_ROWS_MAX AUDIT_SECONDS AUDIT_TRIES_PER_DAY DATA_TABLES_MAX DATA_COLUMNS_MAX
        DATA_ROWS_MAX KEY_PACKAGE_BYTES_MAX KEY_PACKAGES_STOCK KEY_PACKAGES_LOW
        KEY_PACKAGES_BATCH_MAX CLAIM_SECONDS KEY_PACKAGE_SECONDS LAST_RESORT_SECONDS
        GROUP_ACCOUNTS_MAX GROUP_LEAVES_MAX GROUPS_PER_ACCOUNT_MAX COMMIT_BYTES_MAX
        WELCOME_BYTES_MAX GROUP_INFO_BYTES_MAX BUNDLE_BODY_BYTES_MAX CBOR_BODY_BYTES_MAX
        MESSAGE_BYTES_MAX DELTAS_BYTES_MAX CLAIMS_PER_COMMIT_MAX ENTRIES_PAGE_MAX
        ENTRIES_PAGE_BYTES_MAX GROUPS_PAGE_MAX WELCOMES_PAGE_MAX EPOCH_GRACE_MS MESSAGE_TTL_SECONDS
        DOUBLES_SECONDS RECORD_BYTES_MAX COLLECTION_CHARS_MAX TOMBSTONE_BYTES_MAX RECORDS_BATCH_MAX
        CHANGES_PAGE_MAX CHANGES_PAGE_BYTES_MAX BLOB_BYTES_MAX FRAME_BYTES_MAX
        FRAME_CONTENT_BYTES_MAX UNAUTHENTICATED_BYTES_MAX AUTHENTICATE_MS CREDIT_ENTRIES CURSORS_MAX
        HEARTBEAT_MS HEARTBEAT_DEAD_MS
    };
    let in_source: Vec<&str> =
        LIMITS.lines().filter_map(|line| line.strip_prefix("pub const ")?.split(':').next()).collect();

    let written: Vec<(String, String)> =
        table("## Limits").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();

    assert_eq!(values.iter().map(|(name, _)| *name).collect::<Vec<_>>(), in_source);
    let values: Vec<(String, String)> =
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(written, values);
}

#[test]
fn the_budgets_are_the_defaults() {
    let rates = sotto::config::Rates::default();
    let rate = |rate: sotto::config::Rate| [rate.per_minute.to_string(), rate.burst.to_string()];
    let expected = [
        ("any", rate(rates.any_address)),
        ("login", rate(rates.login_address)),
        ("registration", rate(rates.registration_address)),
        ("open", rate(rates.open_address)),
        ("read", rate(rates.read_account)),
        ("write", rate(rates.write_account)),
        ("directory", rate(rates.directory_account)),
        ("claim", rate(rates.claim_account)),
        ("upload", rate(rates.upload_account)),
    ];

    let written = table("**Budgets.**");

    assert_eq!(written.len(), expected.len());
    for (row, (class, [per_minute, burst])) in written.iter().zip(expected) {
        assert_eq!([&row[0], &row[2], &row[3]], [class, &per_minute, &burst]);
    }
    let limits = sotto::config::Limits::default();
    assert_eq!((limits.guesses_per_hour, limits.guesses_per_day), (10, 50));
    assert_eq!((limits.claims_per_pair_per_hour, limits.claims_per_account_per_day), (20, 500));
    assert_eq!(limits.records_per_account_max, 100_000);
    assert_eq!(limits.record_bytes_per_account_max, 256 * 1024 * 1024);
}
