//! The data folder: made when it is missing, claimed by one process at a time.

use anyhow::Context;
use std::{
    fs::{File, TryLockError},
    path::Path,
};

/// Holds the data folder until it drops; the system lets go of it when the process dies.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// Makes the folder if it is missing and claims it for this process.
pub fn claim(folder: &Path) -> anyhow::Result<Claim> {
    let shown = folder.display();
    std::fs::create_dir_all(folder).with_context(|| format!("making the data folder {shown}"))?;
    free(folder)?.with_context(|| {
        format!(
            "the data folder {shown} is in use by another nhip; stop it, or name another with \
             --data"
        )
    })
}

/// Claims a folder that is there for this process, unless another one has it.
pub fn free(folder: &Path) -> anyhow::Result<Option<Claim>> {
    let path = folder.join("lock");
    let lock = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Claim { _lock: lock })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", path.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::claim;

    #[test]
    fn a_folder_is_claimed_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = claim(folder.path()).unwrap();
        let error = claim(folder.path()).unwrap_err().to_string();
        assert!(error.contains("in use by another nhip"), "{error}");
        drop(first);
        claim(folder.path()).unwrap();
    }
}
