//! How large the web app may be, in bytes as they travel: brotli, where that is smaller. What a person on a slow
//! line waits for has a limit like everything else; whoever needs more changes the constant, and says why.

use std::path::Path;

use crate::process::{Failure, Outcome};
use crate::say;
use crate::stamp::files_under;
use crate::workspace::Workspace;

/// All scripts of the first screen: the entry, what it imports, and the worker.
const FIRST_ROUTE_JS_BYTES_MAX: u64 = 150_000;
/// All style sheets.
const CSS_BYTES_MAX: u64 = 15_000;
/// Any script that is fetched later.
const LAZY_CHUNK_BYTES_MAX: u64 = 60_000;
/// The client core.
const WASM_BYTES_MAX: u64 = 680_000;

/// A file of `web/dist/assets`, and how many bytes of it travel.
struct Asset {
    name: String,
    bytes: u64,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    what: String,
    bytes: u64,
    bytes_max: u64,
}

/// Prints how large `web/dist` is; fails where it is too large, or where a part of it is not found.
pub(crate) fn check(workspace: &Workspace) -> Outcome<()> {
    let dist = workspace.web().join("dist");
    let rows = rows(&std::fs::read_to_string(dist.join("index.html"))?, &assets(&dist.join("assets"))?);
    for Row { what, bytes, bytes_max } in &rows {
        say::step("size", &format!("{:>6} of {:>3} KB  {what}", kilobytes(*bytes), bytes_max / 1000));
    }
    let wrong: Vec<String> = rows.iter().filter_map(Row::fault).collect();
    if wrong.is_empty() { Ok(()) } else { Err(Failure::new(wrong.join("\n  "))) }
}

impl Row {
    fn fault(&self) -> Option<String> {
        let Self { what, bytes, bytes_max } = self;
        if *bytes == 0 {
            return Some(format!("web/dist: no {what} was found, so its size was not looked at"));
        }
        let (is, may) = (kilobytes(*bytes), bytes_max / 1000);
        (bytes > bytes_max).then(|| {
            format!("web/dist: {what}: {is} KB, at most {may} KB. Make it smaller, or raise its budget in xtask/src/budget.rs and say why")
        })
    }
}

fn rows(index: &str, assets: &[Asset]) -> Vec<Row> {
    let of_kind = |kind: &'static str| assets.iter().filter(move |asset| asset.name.ends_with(kind));
    let is_first = |asset: &&Asset| index.contains(&asset.name) || asset.name.starts_with("worker-");
    let sum = |bytes: &mut dyn Iterator<Item = &Asset>| bytes.map(|asset| asset.bytes).sum();
    let lazy = of_kind(".js").filter(|asset| !is_first(asset)).max_by_key(|asset| asset.bytes);
    let row = |what: &str, bytes, bytes_max| Row { what: what.to_owned(), bytes, bytes_max };
    vec![
        row(
            "JavaScript of the first screen",
            sum(&mut of_kind(".js").filter(is_first)),
            FIRST_ROUTE_JS_BYTES_MAX,
        ),
        row("CSS", sum(&mut of_kind(".css")), CSS_BYTES_MAX),
        row(
            &format!("largest lazy chunk, {}", lazy.map_or("none", |asset| asset.name.as_str())),
            lazy.map_or(0, |asset| asset.bytes),
            LAZY_CHUNK_BYTES_MAX,
        ),
        row("wasm", sum(&mut of_kind(".wasm")), WASM_BYTES_MAX),
    ]
}

/// Every file but the compressed ones, each with the bytes of its compressed form if it has one.
fn assets(folder: &Path) -> Outcome<Vec<Asset>> {
    let mut found = Vec::new();
    for path in files_under(folder)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.ends_with(".br") {
            continue;
        }
        let small = path.with_file_name(format!("{name}.br"));
        let travels = if small.exists() { small } else { path };
        found.push(Asset { name, bytes: std::fs::metadata(travels)?.len() });
    }
    Ok(found)
}

/// `110.3`: thousands of bytes.
fn kilobytes(bytes: u64) -> String {
    format!("{}.{}", bytes / 1000, bytes % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str =
        r#"<script src="/assets/index-a.js"></script><link rel="modulepreload" href="/assets/react-b.js">"#;

    fn assets_with(changed: &str, bytes: u64) -> Vec<Asset> {
        let usual = [
            ("index-a.js", 90_000),
            ("react-b.js", 40_000),
            ("worker-c.js", 10_000),
            ("decode-d.js", 12_000),
            ("index-e.css", 8_000),
            ("client-f.wasm", 500_000),
        ];
        let asset = |(name, usual): (&str, u64)| Asset {
            name: name.to_owned(),
            bytes: if name == changed { bytes } else { usual },
        };
        usual.map(asset).into()
    }

    fn faults(changed: &str, bytes: u64) -> Vec<String> {
        rows(INDEX, &assets_with(changed, bytes)).iter().filter_map(Row::fault).collect()
    }

    #[test]
    fn what_is_within_its_budget_is_let_through() {
        assert_eq!(faults("", 0), Vec::<String>::new());
    }

    #[test]
    fn each_part_that_outgrew_its_budget_is_named() {
        for (part, bytes) in [
            ("index-a.js", 100_001),
            ("react-b.js", 50_001),
            ("worker-c.js", 20_001),
            ("decode-d.js", 60_001),
            ("index-e.css", 15_001),
            ("client-f.wasm", 680_001),
        ] {
            assert_eq!(faults(part, bytes).len(), 1, "{part}");
        }
        assert!(faults("decode-d.js", 60_100).concat().contains("decode-d.js: 60.1 KB, at most 60 KB"));
    }

    #[test]
    fn a_part_that_is_not_there_is_no_small_one() {
        assert_eq!(rows(INDEX, &[]).iter().filter_map(Row::fault).count(), 4);
    }
}
