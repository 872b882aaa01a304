//! Embeds the built web app, `web/dist`, into the binary: a table of path, bytes and brotli bytes.
//! Where it is absent the table is empty, and the relay serves a page that says how to build it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let mut root = PathBuf::from(required("CARGO_MANIFEST_DIR")?).join("../web/dist");
    // Cargo runs a script again and again while the path that it watches is missing.
    fs::create_dir_all(&root)?;
    println!("cargo::rerun-if-changed={}", root.display());
    let mut files = Vec::new();
    if root.join("index.html").is_file() {
        // The files' paths are canonical, so the root's has to be.
        root = fs::canonicalize(root)?;
        collect(&root, &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in files.iter().filter(|file| file.extension().is_none_or(|end| end != "br")) {
        let path = file.strip_prefix(&root).map_err(io::Error::other)?;
        let brotli = PathBuf::from(format!("{}.br", file.display()));
        let brotli =
            if files.contains(&brotli) { format!("Some(include_bytes!({brotli:?}))") } else { "None".into() };
        writeln!(
            table,
            "    WebFile {{ path: {:?}, bytes: include_bytes!({file:?}), brotli: {brotli} }},",
            slashes(path)
        )
        .map_err(io::Error::other)?;
    }
    table.push(']');
    fs::write(PathBuf::from(required("OUT_DIR")?).join("web_files.rs"), table)
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = fs::canonicalize(entry?.path())?;
        if path.is_dir() { collect(&path, files)? } else { files.push(path) }
    }
    Ok(())
}

fn slashes(path: &Path) -> String {
    format!("/{}", path.to_string_lossy().replace('\\', "/"))
}

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn required(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
