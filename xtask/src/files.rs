//! Names and forms of files that a browser may keep for ever.
//!
//! A name carries a hash of its content, so a changed file has a new address. The hash only has to differ
//! when the content does; it proves nothing about who made it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};

use crate::Result;

/// Sixteen hexadecimal digits that stand for `content`.
pub fn digest(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    format!("{:016x}", hasher.finish())
}

/// Writes `content` beside its compressed copy, which the server sends as it is.
/// Returns the size of the copy in bytes.
pub fn write_with_gzip(path: &Path, content: &[u8]) -> Result<u64> {
    fs::write(path, content)?;
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    let copy = PathBuf::from(name);
    let mut encoder = GzEncoder::new(File::create(&copy)?, Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?.metadata()?.len())
}

/// Copies what stands in `from` into `to`, folders and all, each file with its compressed copy.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            write_with_gzip(&target, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    #[test]
    fn the_digest_follows_the_content() {
        assert_eq!(digest(b"ringdown"), digest(b"ringdown"));
        assert_ne!(digest(b"ringdown"), digest(b"ringdowm"));
        assert_eq!(digest(b"").len(), 16);
    }

    #[test]
    fn the_compressed_copy_holds_the_same() {
        let path = std::env::temp_dir().join(format!("xtask-gzip-{}.css", std::process::id()));
        let content = b"a{}".repeat(100);
        write_with_gzip(&path, &content).unwrap();
        let copy = path.with_extension("css.gz");
        let mut back = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(File::open(&copy).unwrap()), &mut back)
            .unwrap();
        fs::remove_file(&path).unwrap();
        fs::remove_file(&copy).unwrap();
        assert_eq!(back, content);
    }
}
