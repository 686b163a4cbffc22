//! The policy as a table for people, compared with the one in `snapshots/policy.txt`: whoever
//! changes who may do what sees it in the diff.
use std::fmt::Write as _;
use std::path::Path;

use pilothouse::authz::{POLICY, Role};

#[test]
fn who_may_do_what_is_as_it_was_read_last() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/policy.txt");
    let known = std::fs::read_to_string(&file).unwrap_or_default();
    let now = table();
    if known != now {
        let new = file.with_extension("txt.new");
        std::fs::write(&new, &now).unwrap();
        panic!(
            "The policy has changed. Read the difference and, if it is meant, take it:\n  \
             mv tests/snapshots/policy.txt.new tests/snapshots/policy.txt\n\n{now}"
        );
    }
}

fn table() -> String {
    let mut text = String::from(
        "# What each role may do on its tenant and all below. Written by tests/policy.rs.\n",
    );
    let _ = write!(
        text,
        "{:<18} {:<7} {:<13}",
        "permission", "changes", "scope"
    );
    for role in Role::ALL {
        let _ = write!(text, " {:<7}", role.as_str());
    }
    text = text.trim_end().to_owned() + "\n";
    for line in POLICY {
        let changes = if line.changes { "yes" } else { "-" };
        let mut row = format!("{:<18} {changes:<7} {:<13}", line.name, line.resource);
        for role in Role::ALL {
            let _ = write!(row, " {:<7}", if role >= line.needs { "yes" } else { "-" });
        }
        text += row.trim_end();
        text.push('\n');
    }
    text
}
