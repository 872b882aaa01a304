//! One PostgreSQL for the whole test run, in a temporary directory; a database of its own for each test.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Ends with this process: the shell's standard input closes, and it stops the server and clears the directory away.
static SERVER: OnceLock<Server> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    socket_dir: String,
    _shell: Child,
}

/// Where PostgreSQL's programs may be, beside `PATH`: Debian keeps them out of it.
const SCRIPT: &str = r#"
set -eu
PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)"
dir=$(mktemp -d)
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    chown postgres "$dir"
    as() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
fi
cd "$dir"
as initdb --no-sync --auth=trust --username=sotto --encoding=UTF8 --locale=C -D "$dir/db" >"$dir/log" 2>&1
as pg_ctl -w -D "$dir/db" -l "$dir/db/log" \
    -o "-c listen_addresses='' -k $dir -c fsync=off -c max_connections=400" start >>"$dir/log" 2>&1
echo "$dir"
cat >/dev/null || true
as pg_ctl -m immediate -D "$dir/db" stop >/dev/null 2>&1 || true
rm -rf "$dir"
"#;

fn start() -> Server {
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut socket_dir = String::new();
    let stdout = shell.stdout.as_mut().expect("piped");
    BufReader::new(stdout).read_line(&mut socket_dir).expect("a line");
    let socket_dir = socket_dir.trim().to_owned();
    assert!(!socket_dir.is_empty(), "PostgreSQL did not start: install the package `postgresql`");
    Server { socket_dir, _shell: shell }
}

/// The address of a fresh, empty database.
pub(crate) async fn fresh_database() -> String {
    let server = tokio::task::spawn_blocking(|| SERVER.get_or_init(start)).await.unwrap();
    let number = DATABASES.fetch_add(1, Ordering::Relaxed);
    let url = |name: &str| format!("postgres://sotto@localhost/{name}?host={}", server.socket_dir);
    let mut admin = <sqlx::PgConnection as sqlx::Connection>::connect(&url("postgres")).await.unwrap();
    let statement = sqlx::AssertSqlSafe(format!("create database story_{number}"));
    sqlx::query(statement).execute(&mut admin).await.unwrap();
    url(&format!("story_{number}"))
}
