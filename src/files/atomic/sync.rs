//! Bringing files to the disk, so that they outlive a loss of power.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

static SYNC: AtomicBool = AtomicBool::new(true);

/// Whether files and folders are brought to the disk before they count as written. They are unless this says otherwise.
pub fn set_sync(on: bool) {
    SYNC.store(on, Ordering::Relaxed);
}

/// Lets the disk begin with what was written so far, so that [`sync_file`] waits the less. Nothing is promised.
pub(super) fn begin_sync(file: &File) {
    #[cfg(target_os = "linux")]
    if SYNC.load(Ordering::Relaxed) {
        use std::os::fd::AsRawFd as _;
        // SAFETY: the descriptor is open; this touches no memory of ours.
        let _ =
            unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = file;
}

/// Waits until a file's contents are on the disk, and forgets them in memory, so that who reads them back reads the
/// disk. `target` is the name that it will have.
pub(super) fn sync_file(file: &File, target: &Path) -> io::Result<()> {
    if !SYNC.load(Ordering::Relaxed) {
        return Ok(());
    }
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd as _;
        // SAFETY: the descriptor is open; this is advice and touches no memory of ours.
        let _ = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    }
    tracing::debug!(file = %target.display(), "brought to the disk");
    Ok(())
}

/// Waits until the names in a folder are on the disk. Systems and file systems that cannot do that do it by themselves
/// or not at all.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if !SYNC.load(Ordering::Relaxed) || !cfg!(unix) {
        return Ok(());
    }
    let synced = match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // One that we may write to but not list.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => Err(error),
    };
    match synced {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Err(error)
        }
        _ => {
            tracing::debug!(folder = %folder.display(), "names brought to the disk");
            Ok(())
        }
    }
}
