//! The durability floor: one block after the other, each appended and flushed before the next.
//!
//! As the server's log does it: into a file that was filled with zeros before, past the page cache where the file
//! system allows it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use rustix::fs::OFlags;

const BLOCK_BYTES: usize = 4096;
const FILE_BYTES: usize = 16 << 20;

/// How long a flush takes in `directory`, in nanoseconds, measured for `span`.
pub fn measure(directory: &Path, span: Duration) -> Result<Histogram<u64>> {
    let path = directory.join("flush-floor");
    fill(&path).with_context(|| format!("{}", path.display()))?;
    let file = open(&path)?;
    let room = vec![7_u8; 2 * BLOCK_BYTES];
    let start = room.as_ptr().align_offset(BLOCK_BYTES);
    let block = &room[start..start + BLOCK_BYTES];
    let mut latency = Histogram::new(3)?;
    let begin = Instant::now();
    let mut offset = 0;
    while begin.elapsed() < span {
        let before = Instant::now();
        file.write_all_at(block, offset)?;
        file.sync_data()?;
        latency.record(u64::try_from(before.elapsed().as_nanos())?)?;
        offset = (offset + BLOCK_BYTES as u64) % FILE_BYTES as u64;
    }
    std::fs::remove_file(&path)?;
    Ok(latency)
}

fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&vec![0; FILE_BYTES])?;
    Ok(file.sync_all()?)
}

fn open(path: &Path) -> Result<File> {
    let direct = i32::try_from(OFlags::DIRECT.bits())?;
    let opened = OpenOptions::new().write(true).custom_flags(direct).open(path);
    match opened {
        Err(error) if error.kind() == ErrorKind::InvalidInput => {
            Ok(OpenOptions::new().write(true).open(path)?)
        }
        opened => Ok(opened?),
    }
}
