//! The browser's client core: compiled for wasm32 and given its JavaScript by wasm-bindgen, whose
//! command-line part is linked in here so that its version is locked with the library's.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use wasm_bindgen_cli_support::Bindgen;

use crate::process::{self, Failure, Outcome};
use crate::say;
use crate::setup;
use crate::stamp::Stamp;
use crate::workspace::Workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// How a step's program is run: shown on the terminal, or quietly beside another step.
pub(crate) type Runner = fn(&mut Command) -> Outcome<()>;

/// Builds the client and its glue into `web/src/core/wasm`. Cargo itself knows whether there is
/// anything to compile; the glue is made again only when the compiled bytes changed.
pub(crate) fn build(workspace: &Workspace, run: Runner) -> Outcome<()> {
    setup::wasm_target(workspace)?;
    say::step("wasm client", "cargo build -p sotto-client-wasm, small and fast, for wasm32");
    let arguments = ["build", "-p", "sotto-client-wasm", "--target", TARGET, "--profile", "wasm"];
    let mut cargo = process::program("cargo", &arguments, &workspace.root);
    run(cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(workspace)?.join("\x1f")))?;
    glue(workspace, workspace.target.join(TARGET).join("wasm/client_wasm.wasm"))
}

fn glue(workspace: &Workspace, compiled: PathBuf) -> Outcome<()> {
    let output = workspace.wasm_output();
    let stamp =
        Stamp::new(output.join(".stamp"), std::slice::from_ref(&compiled), wasm_bindgen_shared_version())?;
    if stamp.is_current() {
        return Ok(());
    }
    say::step("wasm-bindgen", "web/src/core/wasm");
    if output.exists() {
        std::fs::remove_dir_all(&output)?;
    }
    let refused = |error: &dyn std::fmt::Display| Failure::new(format!("wasm-bindgen: {error:#}"));
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&compiled)
        .out_name("client_wasm")
        .typescript(true)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.web(true).map_err(|error| refused(&error))?;
    bindgen.generate(&output).map_err(|error| refused(&error))?;
    stamp.keep()
}

/// The glue depends on the tool's version, which is the version of this program's build.
const fn wasm_bindgen_shared_version() -> &'static str {
    concat!("wasm-bindgen of xtask ", env!("CARGO_PKG_VERSION"))
}

/// Compiler flags of the wasm build alone. The same source gives the same bytes wherever it lies:
/// paths of this machine are replaced in panic messages.
fn flags(workspace: &Workspace) -> Outcome<Vec<String>> {
    let mut flags = vec!["--cfg".to_owned(), r#"getrandom_backend="wasm_js""#.to_owned()];
    let from_to = [
        (registry_source(workspace)?, "/registry"),
        (workspace.target.clone(), "/target"),
        (workspace.root.clone(), "/sotto"),
    ];
    for (from, to) in from_to {
        flags.push(format!("--remap-path-prefix={}={to}", from.display()));
    }
    Ok(flags)
}

/// The folder that cargo unpacks dependencies into, read from where one of them lies.
fn registry_source(workspace: &Workspace) -> Outcome<PathBuf> {
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", TARGET];
    let metadata = process::output_of(&mut process::program("cargo", &arguments, &workspace.root))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    packages
        .into_iter()
        .flatten()
        .find(|package| package.get("name").and_then(Value::as_str) == Some("wasm-bindgen"))
        .and_then(|package| package.get("manifest_path")?.as_str())
        .and_then(|manifest| PathBuf::from(manifest).ancestors().nth(2).map(PathBuf::from))
        .ok_or_else(|| Failure::new("cargo metadata does not name wasm-bindgen"))
}
