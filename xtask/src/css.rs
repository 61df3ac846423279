//! One style sheet out of `style/`: the browser fetches one file instead of a chain of imports.
//!
//! Not a preprocessor. `style/main.css` is copied, each of its `@import` lines replaced by the file it
//! names, in place, so the order of the layers is what `main.css` says it is.

use std::fs;
use std::path::Path;

use crate::Result;

/// The text of `main` with its imports put in. Imports of imported files are not followed.
pub fn bundle(main: &Path) -> Result<String> {
    let folder = main.parent().unwrap_or(Path::new("."));
    let text = fs::read_to_string(main).map_err(|error| format!("{}: {error}", main.display()))?;
    let mut sheet = String::new();
    for line in text.lines() {
        match Import::parse(line) {
            Some(import) => {
                let file = folder.join(import.file);
                let part = fs::read_to_string(&file)
                    .map_err(|error| format!("{}: {} {error}", main.display(), file.display()))?;
                sheet.push_str(&import.with(part.trim_end()));
            }
            None if line.trim_start().starts_with("@import") => {
                return Err(format!("{}: cannot read `{line}`", main.display()).into());
            }
            None => {
                sheet.push_str(line);
                sheet.push('\n');
            }
        }
    }
    Ok(sheet)
}

/// `@import "file.css" layer(name);`, with or without `url(...)`, with or without the layer.
#[derive(Debug, PartialEq)]
struct Import<'a> {
    file: &'a str,
    layer: Option<&'a str>,
}

impl<'a> Import<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let rest = line.trim().strip_prefix("@import")?.trim().strip_suffix(';')?.trim();
        let (file, rest) = match rest.strip_prefix("url(") {
            Some(rest) => rest.split_once(')')?,
            None => rest.strip_prefix('"')?.split_once('"')?,
        };
        let layer = match rest.trim() {
            "" => None,
            layer => Some(layer.strip_prefix("layer(")?.strip_suffix(')')?.trim()),
        };
        Some(Self { file: file.trim().trim_matches('"'), layer })
    }

    fn with(&self, part: &str) -> String {
        self.layer.map_or_else(|| format!("{part}\n"), |layer| format!("@layer {layer} {{\n{part}\n}}\n"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    #[test]
    fn each_way_to_write_an_import_is_understood() {
        let plain = Import { file: "a.css", layer: None };
        assert_eq!(Import::parse("@import \"a.css\";"), Some(plain));
        let layered = Import { file: "a.css", layer: Some("base") };
        assert_eq!(Import::parse("  @import url(\"a.css\") layer( base );"), Some(layered));
        assert_eq!(Import::parse("@layer base, page;"), None);
        assert_eq!(Import::parse("@import \"a.css\" screen;"), None);
    }

    #[test]
    fn imports_are_put_in_place_and_in_order() {
        let folder = std::env::temp_dir().join(format!("xtask-css-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let main = folder.join("main.css");
        fs::write(&main, "@layer base, page;\n@import \"b.css\" layer(page);\n@import \"a.css\";\n").unwrap();
        fs::write(folder.join("a.css"), "a{}\n").unwrap();
        fs::write(folder.join("b.css"), "b{}\n").unwrap();
        let sheet = bundle(&main).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(sheet, "@layer base, page;\n@layer page {\nb{}\n}\na{}\n");
    }
}
