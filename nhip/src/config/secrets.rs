//! Files that hold a secret.

use super::{ConfigError, Settings};
use std::path::Path;

/// Those that are named and can't be used.
pub fn errors(settings: &Settings) -> Vec<ConfigError> {
    [
        (
            "store.questdb.password_file",
            &settings.store_questdb_password_file,
        ),
        (
            "store.questdb.token_file",
            &settings.store_questdb_token_file,
        ),
    ]
    .into_iter()
    .filter_map(|(key, path)| {
        let reason = read(path.as_deref()?).err()?;
        Some(ConfigError {
            key: key.into(),
            given: reason,
            expected: "a file whose first line is the secret".into(),
        })
    })
    .collect()
}

/// The first line of a file, or why there is none; never what it holds.
pub fn read(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    match line.is_empty() {
        true => Err(format!("{shown}: its first line is empty")),
        false => Ok(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Layers};

    #[test]
    fn a_secret_that_is_not_there_is_told_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let (empty, good) = (folder.path().join("empty"), folder.path().join("good"));
        std::fs::write(&empty, "\nlater").unwrap();
        std::fs::write(&good, "hush\n").unwrap();
        let read = |password: &std::path::Path, token: &str| {
            let mut layers = Layers::default();
            let file =
                format!("[store.questdb]\npassword_file = {password:?}\ntoken_file = {token:?}\n");
            layers.add_file("nhip.toml", &file);
            Config::read(layers)
                .err()
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert!(read(&good, "").is_empty());
        let told = read(&empty, "/nowhere");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("store.questdb.password_file: "),
            "{told:?}"
        );
        assert!(told[0].contains("first line is empty"), "{told:?}");
        assert!(
            told[1].starts_with("store.questdb.token_file: /nowhere"),
            "{told:?}"
        );
    }
}
