//! Where things lie: the repository's root and cargo's target directory.

use std::path::{Path, PathBuf};

use crate::process::{Failure, Outcome};

/// The two roots that every chore works from.
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever it was told to put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds both: the root is known from the build, the target directory from where this very
    /// program lies (`<target>/debug/xtask`), so no call of cargo is needed.
    pub(crate) fn find() -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let program = std::env::current_exe()?;
        let target = program.parent().and_then(Path::parent);
        match (root, target) {
            (Some(root), Some(target)) => Ok(Self { root: root.to_path_buf(), target: target.to_path_buf() }),
            _ => Err(Failure::new("xtask is to be started as `cargo xtask`")),
        }
    }

    pub(crate) fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// Where the wasm client's glue goes.
    pub(crate) fn wasm_output(&self) -> PathBuf {
        self.web().join("src/core/wasm")
    }

    /// Reports and logs of the chores.
    pub(crate) fn reports(&self) -> Outcome<PathBuf> {
        let directory = self.target.join("xtask");
        std::fs::create_dir_all(&directory)?;
        Ok(directory)
    }
}
