//! What the chores need from outside the repository, and how it gets here: the wasm target through
//! rustup; a browser, an emoji font and PostgreSQL through Debian's packages. Nothing is installed
//! that is there already, and everything installed is said.

use std::path::Path;

use crate::process::{self, Failure, Outcome};
use crate::say;
use crate::workspace::Workspace;

/// The browser that the tests drive.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";

/// A Debian package (or several), why it is needed, and how to see that it is there.
struct Need {
    why: &'static str,
    packages: &'static [&'static str],
    is_met: fn() -> bool,
    before: fn() -> Outcome<()>,
}

/// What whoever drives a browser needs.
const BROWSER: Need = Need {
    why: "the browser of the browser tests",
    packages: &["chromium"],
    is_met: || Path::new(CHROMIUM).exists(),
    before: || Ok(()),
};

/// What the tests need besides Rust and Node.
const NEEDS: [Need; 3] = [
    BROWSER,
    Need {
        why: "colour emoji, as people see them",
        packages: &["fonts-noto-color-emoji"],
        is_met: || Path::new("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf").exists(),
        before: || Ok(()),
    },
    Need {
        why: "the second database engine of the storage tests",
        packages: &["postgresql"],
        is_met: postgres_is_here,
        before: keep_debian_from_starting_a_cluster,
    },
];

/// Makes sure that the wasm target's standard library is there (`rust-toolchain.toml` names it, but
/// an older installation of the same toolchain may lack it).
pub(crate) fn wasm_target(workspace: &Workspace) -> Outcome<()> {
    let print = ["--print", "target-libdir", "--target", "wasm32-unknown-unknown"];
    let folder = process::output_of(&mut process::program("rustc", &print, &workspace.root))?;
    if Path::new(folder.trim()).exists() {
        return Ok(());
    }
    say::step("wasm target", "rustup target add wasm32-unknown-unknown");
    let add = ["target", "add", "wasm32-unknown-unknown"];
    process::show(&mut process::program("rustup", &add, &workspace.root))
}

/// Makes sure that everything the tests need is there.
pub(crate) fn for_tests(workspace: &Workspace) -> Outcome<()> {
    ensure(workspace, &NEEDS)
}

/// Makes sure that there is a browser.
pub(crate) fn browser(workspace: &Workspace) -> Outcome<()> {
    ensure(workspace, &[BROWSER])
}

fn ensure(workspace: &Workspace, needs: &[Need]) -> Outcome<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_met)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let command = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    for need in &missing {
        say::step("missing", &format!("{}: {}", need.packages.join(" "), need.why));
    }
    if !may_install(workspace) {
        return Err(Failure::new(format!("please install what is missing: `sudo {command}`")));
    }
    say::step("install", &command);
    for need in &missing {
        (need.before)()?;
    }
    install(workspace, &packages)
        .map_err(|failure| Failure::new(format!("please install what is missing: `{command}`\n{failure}")))?;
    match missing.iter().find(|need| !(need.is_met)()) {
        None => Ok(()),
        Some(need) => Err(Failure::new(format!("{} is installed, but not found", need.packages.join(" ")))),
    }
}

/// Only root may install, and only where Debian's tools are.
fn may_install(workspace: &Workspace) -> bool {
    let user = process::output_of(&mut process::program("id", &["-u"], &workspace.root));
    user.is_ok_and(|id| id.trim() == "0") && process::answers("apt-get", &["--version"])
}

fn install(workspace: &Workspace, packages: &[&str]) -> Outcome<()> {
    let mut update = process::program("apt-get", &["update", "-q"], &workspace.root);
    process::quietly(update.env("DEBIAN_FRONTEND", "noninteractive"))?;
    let words = ["install", "-q", "-y", "--no-install-recommends"];
    let mut install = process::program("apt-get", &words, &workspace.root);
    process::quietly(install.args(packages).env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Debian keeps `initdb` out of the path; a path entry is as good.
fn postgres_is_here() -> bool {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    debian.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.exists())
        || process::answers("initdb", &["--version"])
}

/// Debian's package starts a server of its own unless told not to; the tests start theirs.
fn keep_debian_from_starting_a_cluster() -> Outcome<()> {
    let folder = Path::new("/etc/postgresql-common");
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(folder.join("createcluster.conf"), "create_main_cluster = false\n")?)
}
