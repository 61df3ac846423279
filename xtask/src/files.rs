//! Names and forms of files that a browser may keep for ever.
//!
//! A name carries a hash of its content, so a changed file has a new address. The hash only has to differ
//! when the content does; it proves nothing about who made it.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Result;

/// The strongest that Brotli knows; the second is its window, 2^22 bytes.
const BROTLI: (u32, u32) = (11, 22);
const BUFFER: usize = 4096;

/// Sixteen hexadecimal digits that stand for `content`.
pub fn digest(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(content);
    format!("{:016x}", hasher.finish())
}

/// What a file weighs on its way to the browser, in bytes.
pub struct Sizes {
    pub gzip: u64,
    pub brotli: u64,
}

/// Writes `content` beside its compressed copies, which the server sends as they are. They are made once
/// and sent often, so the slow and small way is taken.
pub fn write(path: &Path, content: &[u8]) -> Result<Sizes> {
    fs::write(path, content)?;
    let gzip = beside(path, "gz");
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Gzip, content, File::create(&gzip)?)?;
    let brotli = beside(path, "br");
    let mut encoder = brotli::CompressorWriter::new(File::create(&brotli)?, BUFFER, BROTLI.0, BROTLI.1);
    encoder.write_all(content)?;
    drop(encoder);
    Ok(Sizes { gzip: fs::metadata(gzip)?.len(), brotli: fs::metadata(brotli)?.len() })
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// Copies what stands in `from` into `to`, folders and all, each file with its compressed copies.
pub fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            write(&target, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use std::io::Read;

    use super::*;

    #[test]
    fn the_digest_follows_the_content() {
        assert_eq!(digest(b"ringdown"), digest(b"ringdown"));
        assert_ne!(digest(b"ringdown"), digest(b"ringdowm"));
        assert_eq!(digest(b"").len(), 16);
    }

    #[test]
    fn the_compressed_copies_hold_the_same() {
        let path = std::env::temp_dir().join(format!("xtask-sizes-{}.css", std::process::id()));
        let content = b"a{}".repeat(100);
        write(&path, &content).unwrap();
        let (mut gzip, mut brotli) = (Vec::new(), Vec::new());
        flate2::read::GzDecoder::new(File::open(beside(&path, "gz")).unwrap())
            .read_to_end(&mut gzip)
            .unwrap();
        brotli::Decompressor::new(File::open(beside(&path, "br")).unwrap(), BUFFER)
            .read_to_end(&mut brotli)
            .unwrap();
        for file in [path.clone(), beside(&path, "gz"), beside(&path, "br")] {
            fs::remove_file(file).unwrap();
        }
        assert_eq!(gzip, content);
        assert_eq!(brotli, content);
    }
}
