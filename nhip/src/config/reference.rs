//! The configuration reference, written from the settings themselves.

use super::{setting::Described, settings::TABLE};
use std::fmt::Write;

/// `docs/configuration.md`, whole.
pub fn markdown() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut section = "";
    for setting in TABLE {
        let (name, _) = setting.key.split_once('.').unwrap_or(("", setting.key));
        if name != section || page.ends_with(INTRODUCTION) {
            section = name;
            let title = if name.is_empty() { "top level" } else { name };
            let _ = write!(
                page,
                "\n## {title}\n\n| Setting | Default | What it is |\n| --- | --- | --- |\n"
            );
        }
        page.push_str(&row(setting));
    }
    page
}

fn row(setting: &Described) -> String {
    let default = match setting.default {
        "" => "–".to_owned(),
        text => format!("`{text}`"),
    };
    let doc: Vec<&str> = setting.doc.iter().map(|line| line.trim()).collect();
    let doc = doc.join(" ").replace('|', "\\|");
    format!(
        "| `{}` | {default} | {doc} ({}) |\n",
        setting.key,
        (setting.expected)()
    )
}

const INTRODUCTION: &str = "\
# Configuration reference

Written by `nhip reference` from the settings themselves; a test compares the two.

Settings come from, weakest first: the defaults below, the file (`nhip.toml` in the folder
where the platform is started, or `--config FILE`), the environment (`NHIP_MQTT__LISTEN` for
`mqtt.listen`: two underscores for a level), flags. `nhip check` reads them all, prints every
error at once and binds nothing. Sizes are written `64 MiB` or in bytes; a unit that isn't
written with the value is the end of the setting's name (`_s` seconds, `_ms` milliseconds,
`_us` microseconds).

Mapping rules for foreign JSON topics are `[[mapping]]` tables; `docs/payloads.md` has them.
";

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn the_reference_in_docs_is_the_one_the_code_writes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(),
            "docs/configuration.md is old: write it with `nhip reference > docs/configuration.md`"
        );
    }
}
