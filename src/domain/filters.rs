//! The filter scripts of a mailbox (Sieve, RFC 5228), which sort, forward and answer its mail.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Every script of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filters {
    /// The scripts, byte for byte, by name.
    pub scripts: BTreeMap<String, String>,
    /// The one that is in force.
    pub active: Option<String>,
}

/// One sentence for each script of `before` that is not in `after` as it was.
#[must_use]
pub fn compare(before: &Filters, after: &Filters) -> Vec<String> {
    let mut differences = vec![];
    for (name, script) in &before.scripts {
        match after.scripts.get(name) {
            None => differences.push(format!("Filter {name} did not come along.")),
            Some(twin) if twin != script => {
                differences.push(format!("Filter {name} has other text than before."));
            }
            Some(_) => {}
        }
    }
    if before.active != after.active {
        let named = |active: &Option<String>| active.clone().unwrap_or_else(|| "none".to_owned());
        differences.push(format!(
            "The filter in force is {}, and was {}.",
            named(&after.active),
            named(&before.active)
        ));
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_a_missing_script_and_another_one_in_force_are_differences() {
        let scripts = [("a", "keep;"), ("b", "stop;")];
        let scripts = scripts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let before = Filters {
            scripts: scripts.into(),
            active: Some("a".to_owned()),
        };
        assert_eq!(compare(&before, &before), Vec::<String>::new());
        let mut after = before.clone();
        after.scripts.insert("a".to_owned(), "discard;".to_owned());
        after.scripts.remove("b");
        after.active = None;
        let said = [
            "Filter a has other text than before.",
            "Filter b did not come along.",
            "The filter in force is none, and was a.",
        ];
        assert_eq!(compare(&before, &after), said);
    }
}
