//! What the operator's commands print, by the real program beside a relay's data.

use std::process::{Command, Output};

use protocol::sessions::LoginStarted;
use sotto::storage::connection::DatabaseAddress;

use crate::device::TestAccount;
use crate::relay::{Closed, TestRelay};

fn admin(closed: &Closed, words: &[&str]) -> Output {
    let database = match &closed.config.database {
        DatabaseAddress::Sqlite(path) => format!("sqlite:{}", path.display()),
        DatabaseAddress::Postgres(url) => url.clone(),
    };
    Command::new(env!("CARGO_BIN_EXE_sotto"))
        .arg("admin")
        .args(words)
        .env("SOTTO_DATA_DIR", &closed.config.data_dir)
        .env("SOTTO_DATABASE_URL", database)
        .output()
        .unwrap()
}

fn told(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(str::to_owned).collect()
}

/// Handle and kind of each line; each begins with a moment.
fn happened(lines: &[String]) -> Vec<(&str, &str)> {
    let parts = lines.iter().map(|line| line.split("  ").collect::<Vec<_>>());
    parts
        .map(|parts| {
            assert_eq!((parts.len(), parts[0].len()), (3, "2026-11-25 08:05:09".len()), "{parts:?}");
            (parts[1], parts[2])
        })
        .collect()
}

#[tokio::test]
async fn the_operator_sees_kinds_and_times_of_one_account_or_of_all_and_nothing_else() {
    for relay in [TestRelay::start().await, TestRelay::on_postgres().await] {
        let ada = TestAccount::new("ada");
        let first = ada.register(&relay).await;
        relay.advance_seconds(1);
        TestAccount::new("ben").register(&relay).await;
        relay.advance_seconds(1);
        ada.open(&relay).await;
        relay.advance_seconds(1);
        let (tried, _) = TestAccount::new("nobody-has-this").start_login(&relay, "a guess").await;
        tried.json::<LoginStarted>();
        let closed = relay.close().await;

        let all = told(&admin(&closed, &["audit"]));
        let adas = told(&admin(&closed, &["audit", "--handle", "ada", "--since", "1970-01-01"]));
        let newest = told(&admin(&closed, &["audit", "--rows", "1"]));
        let later = told(&admin(&closed, &["audit", "--since", "9999-12-31"]));

        let opened = [("ada", "login_tried"), ("ada", "opened_by_password")];
        let everything =
            [("ada", "registered"), ("ben", "registered"), opened[0], opened[1], ("-", "login_tried")];
        assert_eq!(happened(&all), everything);
        assert_eq!(happened(&adas), [("ada", "registered"), opened[0], opened[1]]);
        assert_eq!(happened(&newest), [("-", "login_tried")]);
        assert_eq!(later, ["nothing happened"]);
        let ids = [first.device_id.to_string(), first.account_id.to_string()];
        assert!(all.iter().all(|line| !ids.iter().any(|id| line.contains(id.as_str()))));
    }
}

#[tokio::test]
async fn a_handle_that_nobody_has_and_bad_words_are_told_and_do_nothing() {
    let closed = TestRelay::start().await.close().await;

    let nobody = admin(&closed, &["audit", "--handle", "ada"]);
    let bad = admin(&closed, &["audit", "--since", "yesterday"]);

    assert!(!nobody.status.success() && !bad.status.success());
    assert_eq!(String::from_utf8_lossy(&nobody.stderr).trim(), "nobody here has the handle ada");
    assert!(String::from_utf8_lossy(&bad.stderr).contains("usage: sotto admin audit"));
    assert!(nobody.stdout.is_empty() && bad.stdout.is_empty());
}
