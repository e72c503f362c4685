//! One run at a time: a lock that the operating system gives back when its holder ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

/// Why there is no lock.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LockError {
    #[error("another run holds {}", path.display())]
    Held { path: PathBuf },
    #[error("cannot lock {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Part `number` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    pub number: u64,
    pub count: u64,
}

/// Why a text is no shard.
#[derive(Debug, Error)]
#[error("a shard is K/N, with K from 1 to N")]
pub struct ShardError;

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let (number, count) = text.split_once('/').ok_or(ShardError)?;
        let shard = Shard {
            number: number.parse().map_err(|_| ShardError)?,
            count: count.parse().map_err(|_| ShardError)?,
        };
        if (1..=shard.count).contains(&shard.number) {
            Ok(shard)
        } else {
            Err(ShardError)
        }
    }
}

impl Shard {
    /// Is the item of this index, from 0, in the shard?
    pub fn holds(self, index: usize) -> bool {
        index as u64 % self.count == self.number - 1
    }
}

/// Held as long as it lives. The files stay: removing them would let two runs hold locks on two files of one name.
#[derive(Debug)]
pub struct RunLock {
    _files: Vec<File>,
}

impl RunLock {
    /// Takes the lock at `path`. Runs of different shards share it, and each holds a lock of its own, `PATH.K-of-N`.
    ///
    /// # Errors
    /// Another run holds it, or the file cannot be made.
    pub fn take(path: &Path, shard: Option<Shard>) -> Result<RunLock, LockError> {
        let Some(shard) = shard else {
            let all = lock(path, File::try_lock)?;
            return Ok(RunLock { _files: vec![all] });
        };
        let all = lock(path, File::try_lock_shared)?;
        let mut own = path.as_os_str().to_os_string();
        own.push(format!(".{}-of-{}", shard.number, shard.count));
        let own = lock(Path::new(&own), File::try_lock)?;
        Ok(RunLock {
            _files: vec![all, own],
        })
    }
}

fn lock(path: &Path, take: fn(&File) -> Result<(), TryLockError>) -> Result<File, LockError> {
    let failed = |source| LockError::Io {
        path: path.to_path_buf(),
        source,
    };
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    match take(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            path: path.to_path_buf(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_exclude_each_other_and_shards_only_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let take = |shard: Option<&str>| RunLock::take(&path, shard.map(|it| it.parse().unwrap()));
        let held = |taken: Result<RunLock, LockError>| matches!(taken, Err(LockError::Held { .. }));
        let all = take(None).unwrap();
        assert!(held(take(None)));
        assert!(held(take(Some("1/2"))));
        drop(all);
        let first = take(Some("1/2")).unwrap();
        assert!(held(take(Some("1/2"))));
        let second = take(Some("2/2")).unwrap();
        assert!(held(take(None)));
        drop((first, second));
        take(None).unwrap();
    }

    #[test]
    fn shards_are_disjoint_and_hold_everything() {
        let shards: Vec<Shard> = (1..=3).map(|k| format!("{k}/3").parse().unwrap()).collect();
        for index in 0..10 {
            assert_eq!(shards.iter().filter(|it| it.holds(index)).count(), 1);
        }
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
