//! `cargo xtask site`: the program for the browser and the style sheet, ready to be served.
//!
//! The names follow Leptos' convention for hashed files (`hash.txt`, `NAME.HASH.EXTENSION`). Unlike
//! `cargo-leptos`, `hash.txt` lies in the site folder and not beside the server's binary, so that one
//! site serves whichever binary is started; the server is told by its absolute path.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use wasm_bindgen_cli_support::Bindgen;

use crate::{Result, css, files};

const NAME: &str = "ringdown";
const PROFILE: &str = "wasm-release";
const TRIPLE: &str = "wasm32-unknown-unknown";

/// Builds the site into `TARGET/site`, and does nothing if it stands there already.
pub fn build() -> Result<()> {
    let places = Places::find()?;
    let module = places.build_frontend()?;
    let sheet = css::bundle(&places.root.join("style/main.css"))?;
    let inputs = places.inputs(&module, &sheet)?;
    if fs::read_to_string(&places.stamp).is_ok_and(|stamp| stamp == inputs)
        && places.site.join("hash.txt").is_file()
    {
        eprintln!("xtask: the site is up to date");
        return Ok(());
    }
    places.assemble(&module, &sheet)?;
    fs::write(&places.stamp, inputs)?;
    Ok(())
}

struct Places {
    root: PathBuf,
    target: PathBuf,
    site: PathBuf,
    /// What the site was made from, beside it and not in it: the site is public.
    stamp: PathBuf,
    /// Tells the compiler to name the sources of libraries without this machine's folders: messages of a
    /// panic carry them, and the browser is given those.
    remap: String,
}

impl Places {
    fn find() -> Result<Self> {
        let root = told_by_cargo("CARGO_MANIFEST_DIR")?;
        let root = Path::new(&root).parent().ok_or("the xtask package lies in no workspace")?.to_owned();
        // This program is TARGET/debug/xtask, wherever the target folder was put.
        let program = std::env::current_exe()?;
        let target =
            program.ancestors().nth(2).ok_or("xtask must run from cargo's target folder")?.to_owned();
        let remap = format!("--remap-path-prefix={}=cargo", cargo_home()?.display());
        Ok(Self { remap, site: target.join("site"), stamp: target.join("site.inputs"), root, target })
    }

    fn build_frontend(&self) -> Result<PathBuf> {
        let status = Command::new(told_by_cargo("CARGO")?)
            .args(["build", "--package", "frontend", "--target", TRIPLE, "--profile", PROFILE])
            .arg("--target-dir")
            .arg(&self.target)
            .args(["--config", &format!("target.{TRIPLE}.rustflags = [{:?}]", self.remap)])
            .current_dir(&self.root)
            .status()?;
        succeeded(status, "cargo build of the frontend")?;
        Ok(self.target.join(TRIPLE).join(PROFILE).join("frontend.wasm"))
    }

    /// One text that changes whenever the site would.
    fn inputs(&self, module: &Path, sheet: &str) -> Result<String> {
        let program = files::digest(&fs::read(std::env::current_exe()?)?);
        let module = files::digest(&fs::read(module)?);
        let sheet = files::digest(sheet.as_bytes());
        let assets = files::digest(listing(&self.assets())?.as_bytes());
        Ok(format!("xtask {program}\nwasm {module}\ncss {sheet}\nassets {assets}\n"))
    }

    fn assets(&self) -> PathBuf {
        self.root.join("assets")
    }

    /// Makes the site beside its place and then puts it there, so that a build that stops half-way
    /// leaves the old one.
    fn assemble(&self, module: &Path, sheet: &str) -> Result<()> {
        let work = self.target.join("site.new");
        remove_if_there(&work)?;
        let bound = work.join("bound");
        eprintln!("xtask: wasm-bindgen");
        Bindgen::new()
            .input_path(module)
            .web(true)?
            .typescript(false)
            .remove_name_section(true)
            .remove_producers_section(true)
            .out_name(NAME)
            .generate(&bound)?;

        let site = work.join("site");
        let pkg = site.join("pkg");
        fs::create_dir_all(&pkg)?;
        let mut hashes = String::new();
        for (extension, content) in [
            ("js", fs::read(bound.join(format!("{NAME}.js")))?),
            ("wasm", fs::read(bound.join(format!("{NAME}_bg.wasm")))?),
            ("css", sheet.as_bytes().to_owned()),
        ] {
            let hash = files::digest(&content);
            let sizes = files::write(&pkg.join(format!("{NAME}.{hash}.{extension}")), &content)?;
            eprintln!(
                "xtask: {extension:4} {:>7} bytes, {:>6} by gzip, {:>6} by brotli",
                content.len(),
                sizes.gzip,
                sizes.brotli
            );
            writeln!(hashes, "{extension}: {hash}")?;
        }
        // Snippets carry a hash of their crate already, and the script names them as they are.
        let snippets = bound.join("snippets");
        if snippets.is_dir() {
            files::copy_tree(&snippets, &pkg.join("snippets"))?;
        }
        if self.assets().is_dir() {
            files::copy_tree(&self.assets(), &site)?;
        }
        fs::write(site.join("hash.txt"), hashes)?;

        remove_if_there(&self.site)?;
        fs::rename(&site, &self.site)?;
        remove_if_there(&work)
    }
}

fn cargo_home() -> Result<PathBuf> {
    told_by_cargo("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|_| Ok(std::env::home_dir().ok_or("there is no home folder")?.join(".cargo")))
}

#[expect(clippy::disallowed_methods, reason = "cargo speaks to the programs it runs by the environment")]
fn told_by_cargo(name: &str) -> Result<OsString> {
    std::env::var_os(name).ok_or_else(|| format!("run this as `cargo xtask` ({name} is not set)").into())
}

fn succeeded(status: ExitStatus, what: &str) -> Result<()> {
    if status.success() { Ok(()) } else { Err(format!("{what} failed ({status})").into()) }
}

fn remove_if_there(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// The names and digests of everything under `folder`, sorted; empty if there is none.
fn listing(folder: &Path) -> Result<String> {
    if !folder.is_dir() {
        return Ok(String::new());
    }
    let mut entries = fs::read_dir(folder)?.collect::<std::result::Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut text = String::new();
    for entry in entries {
        let path = entry.path();
        let content = if path.is_dir() { listing(&path)? } else { files::digest(&fs::read(&path)?) };
        writeln!(text, "{} {content}", entry.file_name().display())?;
    }
    Ok(text)
}
