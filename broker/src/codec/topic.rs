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
    fn topics_hold_no_wildcards() {
        assert!(valid_topic("đo/1") && valid_topic("/") && valid_topic("a//b"));
        assert!(!valid_topic("") && !valid_topic("a/+") && !valid_topic("#"));
    }
}
