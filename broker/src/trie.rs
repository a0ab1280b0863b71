//! Which filters take a topic: a tree of levels.

use std::collections::HashMap;

/// Filters with what belongs to them, looked up by topic. `K` tells the entries of one
/// filter apart.
#[derive(Debug)]
pub(crate) struct Trie<K, V> {
    root: Node<K, V>,
    entries: usize,
}

#[derive(Debug)]
struct Node<K, V> {
    names: HashMap<Box<str>, Node<K, V>>,
    /// The branch of `+`.
    any: Option<Box<Node<K, V>>>,
    /// Entries of filters that end here.
    here: Vec<(K, V)>,
    /// Entries of filters that end here with `#`.
    below: Vec<(K, V)>,
}

impl<K, V> Default for Node<K, V> {
    fn default() -> Self {
        Self {
            names: HashMap::new(),
            any: None,
            here: Vec::new(),
            below: Vec::new(),
        }
    }
}

impl<K, V> Default for Trie<K, V> {
    fn default() -> Self {
        Self {
            root: Node::default(),
            entries: 0,
        }
    }
}

impl<K: PartialEq, V> Trie<K, V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Adds an entry of the valid `filter`, in the place of the one with the same key.
    pub(crate) fn insert(&mut self, filter: &str, key: K, value: V) {
        let mut node = &mut self.root;
        let mut levels = filter.split('/');
        let entries = loop {
            match levels.next() {
                Some("#") => break &mut node.below,
                Some("+") => node = node.any.get_or_insert_default(),
                Some(name) => {
                    if !node.names.contains_key(name) {
                        node.names.insert(name.into(), Node::default());
                    }
                    let Some(next) = node.names.get_mut(name) else {
                        return;
                    };
                    node = next;
                }
                None => break &mut node.here,
            }
        };
        let before = entries.len();
        entries.retain(|(held, _)| *held != key);
        entries.push((key, value));
        self.entries += 1;
        self.entries -= before + 1 - entries.len();
    }

    /// Takes the entry of `filter` away, and the branches that nothing needs any more.
    pub(crate) fn remove(&mut self, filter: &str, key: &K) {
        let levels: Vec<&str> = filter.split('/').collect();
        self.entries -= usize::from(self.root.remove(&levels, key));
    }

    /// Whether any filter may take a topic that begins with the level `first`.
    pub(crate) fn reaches(&self, first: &str) -> bool {
        let root = &self.root;
        !root.below.is_empty() || root.any.is_some() || root.names.contains_key(first)
    }

    /// Whether any filter takes the valid `topic`.
    pub(crate) fn any(&self, topic: &str) -> bool {
        let mut found = false;
        self.visit(topic, &mut |_| found = true);
        found
    }

    /// Shows the entries of each filter that takes the valid `topic`.
    pub(crate) fn visit<'t>(&'t self, topic: &str, found: &mut impl FnMut(&'t [(K, V)])) {
        if self.entries > 0 {
            let wild = !topic.starts_with('$');
            self.root.visit(Some(topic), wild, found);
        }
    }
}

impl<K: PartialEq, V> Node<K, V> {
    fn visit<'t>(&'t self, rest: Option<&str>, wild: bool, found: &mut impl FnMut(&'t [(K, V)])) {
        if wild && !self.below.is_empty() {
            found(&self.below);
        }
        let Some(rest) = rest else {
            if !self.here.is_empty() {
                found(&self.here);
            }
            return;
        };
        let (name, rest) = match rest.split_once('/') {
            Some((name, rest)) => (name, Some(rest)),
            None => (rest, None),
        };
        if let Some(node) = self.names.get(name) {
            node.visit(rest, true, found);
        }
        if let (true, Some(node)) = (wild, &self.any) {
            node.visit(rest, true, found);
        }
    }

    fn remove(&mut self, levels: &[&str], key: &K) -> bool {
        let taken = |entries: &mut Vec<(K, V)>| {
            let before = entries.len();
            entries.retain(|(held, _)| held != key);
            entries.len() < before
        };
        match levels {
            [] => taken(&mut self.here),
            ["#"] => taken(&mut self.below),
            ["+", rest @ ..] => {
                let Some(node) = &mut self.any else {
                    return false;
                };
                let removed = node.remove(rest, key);
                if node.is_bare() {
                    self.any = None;
                }
                removed
            }
            [name, rest @ ..] => {
                let Some(node) = self.names.get_mut(*name) else {
                    return false;
                };
                let removed = node.remove(rest, key);
                if node.is_bare() {
                    self.names.remove(*name);
                }
                removed
            }
        }
    }

    fn is_bare(&self) -> bool {
        self.names.is_empty() && self.any.is_none() && self.here.is_empty() && self.below.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{filter_matches, valid_filter, valid_topic};
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = String> {
        proptest::collection::vec("(a|b|\\$x|)", 1..4).prop_map(|levels| levels.join("/"))
    }

    fn filter() -> impl Strategy<Value = String> {
        proptest::collection::vec("(a|b|\\$x||\\+|#)", 1..4).prop_map(|levels| levels.join("/"))
    }

    proptest! {
        #[test]
        fn it_takes_what_each_filter_takes_alone(
            filters in proptest::collection::vec(filter(), 0..12),
            removed in proptest::collection::vec(any::<bool>(), 12),
            topic in name(),
        ) {
            prop_assume!(valid_topic(&topic));
            let mut trie = Trie::default();
            let mut expected = Vec::new();
            for (key, filter) in filters.iter().enumerate() {
                if valid_filter(filter) {
                    trie.insert(filter, key, ());
                }
            }
            for (key, filter) in filters.iter().enumerate() {
                if !valid_filter(filter) {
                    continue;
                }
                if removed[key] {
                    trie.remove(filter, &key);
                } else if filter_matches(filter, &topic) {
                    expected.push(key);
                }
            }
            let mut found = Vec::new();
            trie.visit(&topic, &mut |entries| found.extend(entries.iter().map(|(key, ())| *key)));
            found.sort_unstable();
            prop_assert_eq!(trie.any(&topic), !expected.is_empty());
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn removing_all_leaves_nothing_behind() {
        let mut trie = Trie::default();
        for filter in ["a/b/c", "a/+/#", "#", "a/b/c"] {
            trie.insert(filter, 1, ());
        }
        for filter in ["a/b/c", "a/+/#", "#"] {
            trie.remove(filter, &1);
        }
        assert!(trie.is_empty() && trie.root.is_bare());
    }
}
