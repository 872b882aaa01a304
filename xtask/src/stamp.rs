//! Whether a step's inputs changed since it last succeeded: a hash of them, kept in a small file
//! beside the step's output, so that it goes when the output goes.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::process::Outcome;

/// A step's memory of what it was last built from.
pub(crate) struct Stamp {
    file: PathBuf,
    inputs: String,
}

impl Stamp {
    /// `file` remembers; `inputs` are files and folders, taken with their names and contents, and
    /// `also` whatever else the result depends on.
    pub(crate) fn new(file: PathBuf, inputs: &[PathBuf], also: &str) -> Outcome<Self> {
        let mut hash = Sha256::new();
        hash.update(also.as_bytes());
        for input in inputs {
            for path in files_under(input)? {
                hash.update(path.strip_prefix(input).unwrap_or(&path).as_os_str().as_encoded_bytes());
                hash.update([0]);
                hash.update(Sha256::digest(std::fs::read(&path)?));
            }
        }
        Ok(Self { file, inputs: hex(&hash.finalize()) })
    }

    /// Whether the step has already succeeded with exactly these inputs.
    pub(crate) fn is_current(&self) -> bool {
        std::fs::read_to_string(&self.file).is_ok_and(|kept| kept == self.inputs)
    }

    /// Remembers that the step succeeded.
    pub(crate) fn keep(&self) -> Outcome<()> {
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(&self.file, &self.inputs)?)
    }
}

/// Every file below `root` in a fixed order; `root` itself if it is a file, nothing if it is absent.
pub(crate) fn files_under(root: &Path) -> Outcome<Vec<PathBuf>> {
    if root.is_file() {
        return Ok(vec![root.to_path_buf()]);
    }
    let mut found = Vec::new();
    if root.is_dir() {
        for entry in std::fs::read_dir(root)? {
            found.extend(files_under(&entry?.path())?);
        }
    }
    found.sort();
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_input_makes_the_stamp_stale() {
        let folder = std::env::temp_dir().join(format!("sotto-stamp-{}", std::process::id()));
        let input = folder.join("input");
        std::fs::create_dir_all(&input).unwrap();
        std::fs::write(input.join("a"), "one").unwrap();
        let stamp = |also| Stamp::new(folder.join("stamp"), std::slice::from_ref(&input), also).unwrap();
        assert!(!stamp("").is_current());

        stamp("").keep().unwrap();

        assert!(stamp("").is_current());
        assert!(!stamp("another flag").is_current());
        std::fs::write(input.join("a"), "two").unwrap();
        assert!(!stamp("").is_current());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
