//! MQTT topic filters (MQTT 5 §4.7).

/// A filter without what would make it match nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    text: String,
    /// What every topic it takes begins with.
    literal: usize,
}

impl Filter {
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() || text.contains('\0') {
            return Err("a filter is not empty and has no NUL");
        }
        if text.starts_with("$share/") {
            return Err("a rule takes topics, not a shared subscription");
        }
        if text.starts_with("devices/") || text.starts_with("live/") {
            return Err("topics under devices/ and live/ are the platform's own");
        }
        let levels: Vec<&str> = text.split('/').collect();
        for (at, level) in levels.iter().enumerate() {
            let wild = level.contains(['+', '#']);
            if wild && level.len() > 1 {
                return Err("+ and # stand for whole levels");
            }
            if *level == "#" && at + 1 < levels.len() {
                return Err("# is the last level");
            }
        }
        let literal = text.find(['+', '#']).unwrap_or(text.len());
        Ok(Self {
            text: text.to_owned(),
            literal,
        })
    }

    pub(super) fn takes(&self, topic: &str) -> bool {
        // `a/#` takes `a` too, so the slash before the # is not part of what is literal.
        let prefix = &self.text[..self.literal];
        if !topic.starts_with(prefix.strip_suffix('/').unwrap_or(prefix)) {
            return false;
        }
        if topic.starts_with('$') && self.literal == 0 {
            return false;
        }
        let mut levels = topic.split('/');
        for wanted in self.text.split('/') {
            if wanted == "#" {
                return true;
            }
            match levels.next() {
                Some(level) if wanted == "+" || wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_mqtt_says() {
        for (filter, topic, takes) in [
            (
                "application/+/device/+/event/up",
                "application/1/device/2/event/up",
                true,
            ),
            (
                "application/+/device/+/event/up",
                "application/1/device/2/event/join",
                false,
            ),
            ("v3/+/devices/+/up", "v3/app@tenant/devices/d1/up", true),
            ("v3/+/devices/+/up", "v3/app/devices/d1/up/x", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("+/x", "/x", true),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("a", "a", true),
            ("a", "a/b", false),
        ] {
            assert_eq!(
                Filter::compile(filter).unwrap().takes(topic),
                takes,
                "{filter} {topic}"
            );
        }
        for bad in [
            "",
            "a/#/b",
            "a+",
            "a/b#",
            "$share/g/a",
            "devices/#",
            "live/x",
        ] {
            assert!(Filter::compile(bad).is_err(), "{bad}");
        }
    }
}
