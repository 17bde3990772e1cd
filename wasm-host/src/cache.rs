//! Keeps compiled modules on disk, so that a start need not compile them again.
//!
//! ```text
//! <directory>/<SHA-256 of the WebAssembly, hex>.cwasm
//!
//! ┌─────────┬──────────────┬────────────────┬─────────────────┬────────────────────────┐
//! │ magic 8 │ SHA-256 of   │ SHA-256 of the │ SHA-256 of the  │ machine code, as the   │
//! │         │ the wasm  32 │ engine's    32 │ code         32 │ engine serialized it … │
//! └─────────┴──────────────┴────────────────┴─────────────────┴────────────────────────┘
//! ```
//!
//! Loading machine code is as good as running it, and wasmtime checks little of it. So this is the one `unsafe` of
//! the crate, and the crate's lints differ from the others' for it alone.
//!
//! Invariants:
//! 1. The directory belongs to the server's own user and nobody else may enter it: whoever can write there can act
//!    as the server anyway.
//! 2. No byte of machine code reaches the engine whose checksum did not hold, nor any made by another engine, from
//!    other WebAssembly, or with other settings.
//! 3. A file that cannot be used costs a compilation, never an error. It is replaced.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module};

use crate::compile::CompileError;
use crate::host::Host;
use crate::inspect::inspect;
use crate::module::CompiledModule;
use crate::version::Version;

const MAGIC: &[u8; 8] = b"cosmcwa1";
const DIGEST_BYTES: usize = 32;
/// Magic, wasm, engine, code.
const HEAD_BYTES: usize = MAGIC.len() + 3 * DIGEST_BYTES;
/// Machine code is about three times its WebAssembly; a larger file is none of ours.
const FILE_BYTES_MAX: u64 = 1 << 30;
const EXTENSION: &str = "cwasm";
/// Files being written; what a crash left of them is removed when the cache is opened.
const UNFINISHED: &str = "unfinished";

/// A directory of compiled modules that only this server's user can reach.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
    /// Who the server is, for the file system.
    user: u32,
}

/// Why a directory is no place for compiled modules.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("the directory for compiled modules cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Whoever owns it could have the server run any code.
    #[error(
        "the directory for compiled modules belongs to user {owner}, and the server is user {user}"
    )]
    Owner { owner: u32, user: u32 },
}

impl Cache {
    /// Makes the directory, or takes what is there; closes it to others. One process at a time may use it.
    pub fn open(directory: &Path) -> Result<Cache, CacheError> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == UNFINISHED) {
                remove(&path)?;
            }
        }
        // A file of ours shows who we are, whatever user ids this process has.
        let probe = directory.join("probe").with_extension(UNFINISHED);
        let user = create(&probe)?.metadata()?.uid();
        remove(&probe)?;
        let owner = fs::metadata(directory)?.uid();
        if owner != user {
            return Err(CacheError::Owner { owner, user });
        }
        Ok(Cache { directory: directory.to_owned(), user })
    }

    /// Removes all modules but these.
    pub fn keep_only(&self, versions: &[Version]) -> io::Result<()> {
        let kept: Vec<PathBuf> = versions.iter().map(|version| self.path(version)).collect();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let is_module = path.extension().is_some_and(|extension| extension == EXTENSION);
            if is_module && !kept.contains(&path) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn path(&self, version: &Version) -> PathBuf {
        self.directory.join(version.hex()).with_extension(EXTENSION)
    }

    /// The code behind a head; `None` when there is none that can be trusted.
    fn read(&self, version: &Version, engine: &[u8; DIGEST_BYTES]) -> io::Result<Option<Code>> {
        let file = match File::open(self.path(version)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if metadata.uid() != self.user || metadata.len() > FILE_BYTES_MAX {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        let is_ours = bytes.get(..HEAD_BYTES).is_some_and(|found| {
            let code = &bytes[HEAD_BYTES..];
            found == head(version, engine, code)
        });
        Ok(is_ours.then_some(Code { bytes }))
    }

    fn write(&self, version: &Version, engine: &[u8; DIGEST_BYTES], code: &[u8]) -> io::Result<()> {
        let unfinished = self.path(version).with_extension(UNFINISHED);
        remove(&unfinished)?;
        let mut file = create(&unfinished)?;
        file.write_all(&head(version, engine, code))?;
        file.write_all(code)?;
        // Not flushed to the device: what a power cut leaves is found out by its checksum.
        fs::rename(&unfinished, self.path(version))
    }
}

/// Machine code that this server wrote, its checksum found right (I2).
struct Code {
    bytes: Vec<u8>,
}

impl Host {
    /// As [`Host::compile`], unless the cache has the module already: then in a few milliseconds. The module is
    /// checked and describes itself all the same.
    pub fn load_or_compile(
        &self,
        wasm: &[u8],
        cache: &Cache,
    ) -> Result<CompiledModule, CompileError> {
        inspect(wasm, &self.limits)?;
        let version = Version::of(wasm);
        let engine = engine_digest(&self.engine);
        if let Some(module) = self.load(&version, &engine, cache) {
            return self.admit(module, version, wasm.len(), true);
        }
        let module = self.translate(wasm)?;
        let compiled = self.admit(module, version, wasm.len(), false)?;
        let serialized = compiled.module().serialize().map_err(io::Error::other);
        let written = serialized.and_then(|code| cache.write(&version, &engine, &code));
        if let Err(error) = written {
            tracing::warn!(%version, %error, "a compiled module could not be kept for the next start");
        }
        Ok(compiled)
    }

    fn load(
        &self,
        version: &Version,
        engine: &[u8; DIGEST_BYTES],
        cache: &Cache,
    ) -> Option<Module> {
        let code = match cache.read(version, engine) {
            Ok(code) => code?,
            Err(error) => {
                tracing::warn!(%version, %error, "a compiled module could not be read again");
                return None;
            }
        };
        #[expect(
            unsafe_code,
            reason = "the engine has no safe way to take back what it serialized"
        )]
        // SAFETY: `deserialize` asks for the unmodified output of `Module::serialize`. `Code` comes only from
        // `Cache::read`: a file in a directory that only this server's user can write to, whose SHA-256 holds, so it is
        // what `Cache::write` was given, which is called with the output of `serialize` alone (I1, I2).
        let module = unsafe { Module::deserialize(&self.engine, &code.bytes[HEAD_BYTES..]) };
        module
            .inspect_err(|error| {
                tracing::warn!(%version, error = format!("{error:#}"), "a compiled module is refused");
            })
            .ok()
    }
}

fn head(version: &Version, engine: &[u8; DIGEST_BYTES], code: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    let (magic, rest) = head.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    rest[..DIGEST_BYTES].copy_from_slice(version.as_bytes());
    rest[DIGEST_BYTES..2 * DIGEST_BYTES].copy_from_slice(engine);
    rest[2 * DIGEST_BYTES..].copy_from_slice(&Sha256::digest(code));
    head
}

/// All that decides what machine code the engine makes of WebAssembly: its version, target and settings.
fn engine_digest(engine: &Engine) -> [u8; DIGEST_BYTES] {
    let mut hasher = DigestHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

/// The standard library's hashers give 64 bits, and not the same ones for ever.
struct DigestHasher(Sha256);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: [u8; DIGEST_BYTES] = self.0.clone().finalize().into();
        u64::from_le_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::HostOptions;

    const MODULE: &str = r#"(module (memory (export "memory") 1) (func (export "cosm_abi_1"))
        (func (export "cosm_buffer") (param i32) (result i32) (i32.const 0)))"#;

    struct Room {
        host: Host,
        cache: Cache,
        wasm: Vec<u8>,
        _directory: tempfile::TempDir,
    }

    impl Room {
        fn new() -> Room {
            let directory = tempfile::tempdir().unwrap();
            let cache = Cache::open(&directory.path().join("a/b")).unwrap();
            let options = HostOptions { instances_max: 2, ..HostOptions::default() };
            let host = Host::new(options).unwrap();
            Room { host, cache, wasm: wat::parse_str(MODULE).unwrap(), _directory: directory }
        }

        fn path(&self) -> PathBuf {
            self.cache.path(&Version::of(&self.wasm))
        }

        /// Whether the module came from the cache.
        fn load(&self) -> bool {
            self.host.load_or_compile(&self.wasm, &self.cache).unwrap().was_cached()
        }
    }

    #[test]
    fn a_module_is_compiled_once() {
        let room = Room::new();
        assert!(!room.load());
        assert!(room.load());
        let options = HostOptions { instances_max: 3, ..HostOptions::default() };
        let restarted = Room { host: Host::new(options).unwrap(), ..room };
        assert!(restarted.load(), "another host of the same kind makes the same code");
    }

    #[test]
    fn no_damaged_file_is_trusted() {
        let room = Room::new();
        room.load();
        let good = fs::read(room.path()).unwrap();
        let mut files: Vec<Vec<u8>> = (0..HEAD_BYTES)
            .chain((HEAD_BYTES..good.len()).step_by(good.len() / 50))
            .map(|at| {
                let mut damaged = good.clone();
                damaged[at] ^= 1;
                damaged
            })
            .collect();
        files.extend(
            [0, 1, HEAD_BYTES - 1, HEAD_BYTES, good.len() - 1].map(|at| good[..at].to_vec()),
        );
        files.push([&good[..], &[0]].concat());
        for (number, file) in files.iter().enumerate() {
            fs::write(room.path(), file).unwrap();
            assert!(!room.load(), "damage {number} was not noticed");
            assert!(room.load(), "damage {number} was not repaired");
        }
    }

    #[test]
    fn code_of_another_module_or_engine_is_not_taken() {
        let room = Room::new();
        room.load();
        let code = fs::read(room.path()).unwrap()[HEAD_BYTES..].to_vec();
        let (version, engine) = (Version::of(&room.wasm), engine_digest(&room.host.engine));
        room.cache.write(&Version::of(b"other"), &engine, &code).unwrap();
        fs::rename(room.cache.path(&Version::of(b"other")), room.path()).unwrap();
        assert!(!room.load());
        room.cache.write(&version, &[7; 32], &code).unwrap();
        assert!(!room.load());
        room.cache.write(&version, &engine, &code).unwrap();
        assert!(room.load());
        // Right in form, but no code: the engine refuses it, and it is compiled.
        room.cache.write(&version, &engine, b"no code").unwrap();
        assert!(!room.load());
    }

    #[test]
    fn the_directory_is_closed_to_others() {
        let room = Room::new();
        let directory = room.path().parent().unwrap().to_owned();
        let mode = || fs::metadata(&directory).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o700);
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o777)).unwrap();
        Cache::open(&directory).unwrap();
        assert_eq!(mode(), 0o700);
        room.load();
        assert_eq!(fs::metadata(room.path()).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_directory_that_cannot_be_written_costs_only_time() {
        let room = Room::new();
        fs::remove_dir_all(room.path().parent().unwrap()).unwrap();
        assert!(!room.load());
        assert!(Cache::open(Path::new("/dev/null/x")).is_err());
    }

    #[test]
    fn what_a_crash_left_is_removed() {
        let room = Room::new();
        let left = room.path().with_extension(UNFINISHED);
        fs::write(&left, b"half of a mod").unwrap();
        Cache::open(left.parent().unwrap()).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn what_is_not_kept_is_removed() {
        let room = Room::new();
        room.load();
        let version = Version::of(&room.wasm);
        room.cache.keep_only(&[version]).unwrap();
        assert!(room.load());
        room.cache.keep_only(&[]).unwrap();
        assert!(!room.path().exists());
    }
}
