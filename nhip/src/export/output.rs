//! Where an export goes: into a file that has its name only once it is whole, or straight into
//! a stream (standard output, a pipe, a device).

use anyhow::Context;
use std::{
    fs::{self, File},
    io::{self, IsTerminal, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The name that stands for standard output.
const STANDARD: &str = "-";

/// Whether this is standard output.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new(STANDARD)
}

/// Whether this is standard output, and a person looks at it.
pub(super) fn is_seen(path: &Path) -> bool {
    is_standard(path) && io::stdout().is_terminal()
}

/// A file under way, for whoever may have to put it away from another thread.
#[derive(Clone, Debug, Default)]
pub struct Unfinished(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
enum Progress {
    #[default]
    Nothing,
    Begun(PathBuf),
    /// It was put away: nothing is begun or named any more.
    Left,
}

impl Unfinished {
    /// Removes what there is of it: it would look like an answer.
    pub fn leave(&self) {
        let before = std::mem::replace(&mut *self.lock(), Progress::Left);
        if let Progress::Begun(path) = before {
            let _ = fs::remove_file(path);
        }
    }

    fn begin(&self, path: &Path) -> anyhow::Result<File> {
        let mut progress = self.lock();
        anyhow::ensure!(!matches!(*progress, Progress::Left), "interrupted");
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        *progress = Progress::Begun(path.into());
        Ok(file)
    }

    fn name(&self, name: &Path) -> anyhow::Result<()> {
        let mut progress = self.lock();
        let Progress::Begun(path) = &*progress else {
            anyhow::bail!("interrupted");
        };
        fs::rename(path, name).with_context(|| format!("naming {}", name.display()))?;
        *progress = Progress::Nothing;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written to.
pub(super) struct Output {
    file: File,
    /// The name that it gets once it is whole; none for a stream.
    name: Option<PathBuf>,
    gone: Arc<AtomicBool>,
}

/// What an output comes to once everything is written.
pub(super) struct Pending {
    file: File,
    name: Option<PathBuf>,
    gone: Arc<AtomicBool>,
}

impl Output {
    /// Opens it, and what completes it later.
    pub(super) fn open(path: &Path, unfinished: &Unfinished) -> anyhow::Result<(Self, Pending)> {
        let (file, name) = if is_standard(path) {
            let standard = io::stdout().as_fd().try_clone_to_owned();
            (
                File::from(standard.context("opening standard output")?),
                None,
            )
        } else {
            // A link stays one. What is no file, as /dev/null, must not be replaced by one.
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.into());
            match fs::metadata(&path) {
                Ok(found) if !found.is_file() => {
                    let file = File::options().write(true).open(&path);
                    (
                        file.with_context(|| format!("opening {}", path.display()))?,
                        None,
                    )
                }
                _ => {
                    let mut part = path.clone().into_os_string();
                    part.push(".part");
                    (unfinished.begin(Path::new(&part))?, Some(path))
                }
            }
        };
        let pending = Pending {
            file: file.try_clone().context("opening the output")?,
            name: name.clone(),
            gone: Arc::default(),
        };
        let gone = pending.gone.clone();
        Ok((Self { file, name, gone }, pending))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        if let Err(error) = &written
            && error.kind() == io::ErrorKind::BrokenPipe
            && self.name.is_none()
        {
            self.gone.store(true, Ordering::Relaxed);
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Pending {
    /// Gives a file its name, once it is on the disk.
    pub(super) fn complete(self, unfinished: &Unfinished) -> anyhow::Result<()> {
        let Some(name) = self.name else { return Ok(()) };
        self.file
            .sync_all()
            .with_context(|| format!("writing {}", name.display()))?;
        unfinished.name(&name)
    }

    /// Whether the reader of a pipe has taken what it wanted and gone, as `head` does.
    pub(super) fn is_unread(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let unfinished = Unfinished::default();
        let (mut output, pending) = Output::open(&path, &unfinished).unwrap();
        output.write_all(b"whole").unwrap();
        assert!(!path.exists());
        pending.complete(&unfinished).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_left_leaves_nothing_and_what_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        let unfinished = Unfinished::default();
        let (mut output, pending) = Output::open(&path, &unfinished).unwrap();
        output.write_all(b"half").unwrap();
        unfinished.leave();
        assert!(pending.complete(&unfinished).is_err());
        assert!(Output::open(&path, &unfinished).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        fs::write(&target, "before").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let unfinished = Unfinished::default();
        let (mut output, pending) = Output::open(&link, &unfinished).unwrap();
        output.write_all(b"after").unwrap();
        pending.complete(&unfinished).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"after");
    }
}
