//! Where generated files go. One that somebody has written by hand is never written over.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cosmictron_codegen::File;

use super::super::output::CliError;

/// What the first line of each file says.
const MARK: &str = "`cosmictron generate`";

/// The files that are not there as they should be.
pub fn changed(folder: &Path, files: Vec<File>) -> Result<Vec<(PathBuf, String)>, CliError> {
    let mut changed = Vec::new();
    for File { name, text } in files {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(there) if is_ours(&there) => changed.push((path, text)),
            Ok(_) => {
                let path = path.display();
                let detail = format!(
                    "{path} is not of `cosmictron generate`: move it, or give another --out"
                );
                return Err(CliError::Local(detail));
            }
            Err(error) if error.kind() == ErrorKind::NotFound => changed.push((path, text)),
            Err(error) => return Err(CliError::file(path)(error)),
        }
    }
    Ok(changed)
}

fn is_ours(text: &[u8]) -> bool {
    let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    String::from_utf8_lossy(first).contains(MARK)
}

/// Writes a file, as a whole or not at all.
pub fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(CliError::file(folder))?;
    let unfinished = path.with_added_extension("unfinished");
    let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|error| {
        // Where it cannot be removed either, there is nothing more to do.
        let _ = fs::remove_file(&unfinished);
        CliError::file(path)(error)
    })
}
