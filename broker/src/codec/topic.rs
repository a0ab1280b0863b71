//! Topic names and filters (MQTT 5 section 4.7).

/// Whether `topic` may be published to: not empty, no wildcard, no U+0000.
pub fn valid_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.bytes().any(|byte| matches!(byte, b'+' | b'#' | 0))
}

/// Whether `filter` may be subscribed to: `#` only as the whole last level, `+` only as a
/// whole level.
pub fn valid_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.contains('\0') {
        return false;
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let wild = level.contains(['+', '#']);
        let valid = !wild || level == "+" || (level == "#" && levels.peek().is_none());
        if !valid {
            return false;
        }
    }
    true
}

/// The name of the share and the filter behind it, of a shared subscription: the name isn't
/// empty and has no wildcard (MQTT-4.8.2-1, -2), and what is behind it is still to be checked.
pub fn shared_filter(filter: &str) -> Option<(&str, &str)> {
    let (name, filter) = filter.strip_prefix("$share/")?.split_once('/')?;
    let named = !name.is_empty() && !name.contains(['+', '#']);
    named.then_some((name, filter))
}

/// Whether the valid `filter` takes the valid `topic`. A leading wildcard takes no topic that
/// begins with `$` (MQTT-4.7.2-1).
pub fn filter_matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut names = topic.split('/');
    let mut levels = filter.split('/');
    loop {
        match (levels.next(), names.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(level), Some(name)) if level == name => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_whole_levels_only() {
        for good in ["#", "+", "a/+/b", "a/#", "+/+", "/", "a//b", "/+", "$SYS/#"] {
            assert!(valid_filter(good), "{good}");
        }
        for bad in ["", "a/#/b", "a+", "+a", "a/b#", "##", "a\0b", "#/a"] {
            assert!(!valid_filter(bad), "{bad:?}");
        }
    }

    #[test]
    fn filters_take_what_the_specification_says() {
        let takes = [
            ("sport/tennis/#", "sport/tennis"),
            ("sport/tennis/#", "sport/tennis/p1/x"),
            ("#", "a/b"),
            ("+/+", "/finance"),
            ("/+", "/finance"),
            ("$SYS/#", "$SYS/x"),
        ];
        for (filter, topic) in takes {
            assert!(filter_matches(filter, topic), "{filter} {topic}");
        }
        let refuses = [
            ("+", "/finance"),
            ("sport/+", "sport"),
            ("#", "$SYS/x"),
            ("+/monitor", "$SYS/monitor"),
            ("a/b", "a/B"),
            ("a", "a/"),
        ];
        for (filter, topic) in refuses {
            assert!(!filter_matches(filter, topic), "{filter} {topic}");
        }
    }

    #[test]
    fn a_share_has_a_name_and_a_filter() {
        assert_eq!(shared_filter("$share/g/a/+"), Some(("g", "a/+")));
        assert_eq!(shared_filter("$share/g//"), Some(("g", "/")));
        assert_eq!(shared_filter("$share/g/"), Some(("g", "")));
        for none in [
            "$share/g",
            "$share//a",
            "$share/g+/a",
            "$share/#",
            "$shared/g/a",
            "a",
        ] {
            assert_eq!(shared_filter(none), None, "{none}");
        }
    }

    #[test]
    fn topics_hold_no_wildcards() {
        assert!(valid_topic("đo/1") && valid_topic("/") && valid_topic("a//b"));
        assert!(!valid_topic("") && !valid_topic("a/+") && !valid_topic("#"));
    }
}
