//! Each rule is shown what it must refuse, and what it must leave alone.

use super::*;

fn refused(path: &str, text: &str) -> bool {
    !violations(&Source { path, text }).is_empty()
}

#[test]
fn a_long_file_is_refused_and_its_tests_are_not_counted() {
    let long = "line\n".repeat(FILE_LINES_MAX);
    let tests = "#[cfg(test)]\nmod tests {\n";

    assert!(refused("server/src/hub.rs", &format!("{long}line\n")));
    assert!(!refused("server/src/hub.rs", &format!("{long}{tests}{long}")));
    assert!(!refused("server/src/hub/tests.rs", &format!("{long}line\n")));
}

#[test]
fn a_name_that_says_nothing_is_refused() {
    assert!(refused("server/src/utils.rs", ""));
    assert!(refused("web/src/helpers/dates.ts", ""));
    assert!(!refused("server/src/routes/blobs.rs", ""));
}

#[test]
fn a_test_that_waits_or_is_left_out_is_refused() {
    let in_test = |line: &str| format!("#[cfg(test)]\nmod tests {{\n{line}\n}}\n");

    assert!(refused("server/src/hub.rs", &in_test("tokio::time::sleep(PAUSE).await;")));
    assert!(refused("server/tests/api/links.rs", "#[ignore]\nfn burns() {}\n"));
    assert!(refused("web/e2e/boot.spec.ts", "test.skip('boots', () => {});"));
    assert!(refused("web/e2e/boot.spec.ts", "await page.waitForTimeout(500);"));
    assert!(!refused("server/src/sweep.rs", "tokio::time::sleep(config.timers.sweep).await;"));
    assert!(!refused("server/src/hub.rs", &in_test("let rest = rows.iter().skip(1);")));
}

#[test]
fn the_environment_is_read_in_one_place() {
    assert!(refused("server/src/main.rs", "let home = std::env::var(\"HOME\");"));
    assert!(!refused("server/src/config.rs", "let home = std::env::var(\"HOME\");"));
}

#[test]
fn an_unbounded_queue_is_refused() {
    assert!(refused("server/src/hub.rs", "let (sender, receiver) = mpsc::unbounded_channel();"));
    assert!(!refused("server/src/hub.rs", "let (sender, receiver) = mpsc::channel(FRAMES_MAX);"));
}

#[test]
fn unfinished_work_is_refused() {
    assert!(refused("web/src/app.tsx", "// TODO: later"));
    assert!(refused("migrations/sqlite/0001_start.sql", "-- FIXME"));
    assert!(!refused("web/src/app.tsx", "// Later rows come first."));
}

#[test]
fn html_from_strings_is_refused() {
    assert!(refused("web/src/screens/chat.tsx", "element.innerHTML = text;"));
    assert!(!refused("web/src/screens/chat.tsx", "element.textContent = text;"));
}

#[test]
fn a_dependency_says_what_it_is_for() {
    let table = |line: &str| format!("[workspace.dependencies]\n{line}\n\n[profile.dev]\ndebug = 1\n");

    assert!(refused("Cargo.toml", &table("serde = \"1\"")));
    assert!(!refused("Cargo.toml", &table("serde = \"1\" # JSON bodies")));
}

#[test]
fn a_second_sqlite_and_rsa_are_refused() {
    let sqlite = "[[package]]\nname = \"libsqlite3-sys\"\n";

    assert!(refused("Cargo.lock", &sqlite.repeat(2)));
    assert!(refused("Cargo.lock", "name = \"rsa\"\n"));
    assert!(!refused("Cargo.lock", sqlite));
}
