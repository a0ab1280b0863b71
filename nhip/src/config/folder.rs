//! Whether the data folder can be one.

use super::{ConfigError, Settings};
use std::{fs, io::ErrorKind};

/// What is wrong with the path of the data folder, as far as it can be seen without making it.
pub fn errors(settings: &Settings) -> Vec<ConfigError> {
    let shown = settings.data.display();
    let given = match fs::metadata(&settings.data) {
        Ok(found) if !found.is_dir() => format!("{shown}, which is a file"),
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            format!("{shown}, which is below a file")
        }
        _ => return Vec::new(),
    };
    vec![ConfigError {
        key: "data".into(),
        given,
        expected: "a folder; it is made if it is missing".into(),
    }]
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};
    use std::path::Path;

    fn errors(data: &Path) -> Vec<String> {
        let mut layers = Layers::default();
        layers.add_flag("--data", "data", data.display().to_string());
        let errors = Config::read(layers).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_file_is_no_data_folder_and_has_none_below() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        for (data, part) in [
            (file.clone(), "which is a file"),
            (file.join("data"), "which is below a file"),
        ] {
            let errors = errors(&data);
            assert_eq!(errors.len(), 1, "{errors:?}");
            assert!(errors[0].contains(part), "{errors:?}");
        }
        assert!(errors(&folder.path().join("new")).is_empty());
        assert!(errors(folder.path()).is_empty());
    }
}
