//! What a page of ticks asks for, and what was chosen for each change: read from a form that lists
//! each row with how its tick was, so that a row counts only when somebody changed its tick.
use std::collections::{HashMap, HashSet};

use crate::domain::{Kind, Protocol};
use crate::web::pages::mailboxes::Tab;

use super::when::When;

/// The changed ticks of one page.
#[derive(Debug, Clone)]
pub struct Order {
    /// The kind whose tab it was.
    pub kind: Kind,
    /// The changes, in the order of the page.
    pub wishes: Vec<Wish>,
    /// What was chosen for an address on the confirmation page.
    pub choices: HashMap<String, Choice>,
    /// What is to stay open for 14 days.
    pub keep: Vec<Protocol>,
    /// When to begin.
    pub when: When,
    /// Whether the users are told by mail.
    pub notify: bool,
    /// The page it came from.
    here: String,
}

/// One changed tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whose.
    pub address: String,
    /// Ticked now, or unticked.
    pub ticked: bool,
}

/// What is to be done about a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Change the kind and keep all mail.
    Convert,
    /// Take the service away and keep the mailbox.
    TakeAway,
    /// Bring a retained mailbox back.
    BringBack,
    /// Make an empty mailbox.
    Create,
}

impl Choice {
    const ALL: [Self; 4] = [Self::Convert, Self::TakeAway, Self::BringBack, Self::Create];

    /// The word in the form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Convert => "convert",
            Self::TakeAway => "take_away",
            Self::BringBack => "bring_back",
            Self::Create => "create",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }
}

impl Order {
    /// Reads a form of a tab, of the page of a mailbox, or of the confirmation itself.
    #[must_use]
    pub fn read(pairs: &[(String, String)]) -> Self {
        let of = |name: &str| {
            pairs
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        let all = |name: &'static str| {
            pairs
                .iter()
                .filter(move |(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        let on: HashSet<&str> = all("on").collect();
        let mut seen = HashSet::new();
        let wishes = pairs.iter().filter_map(|(name, address)| {
            let ticked = on.contains(address.as_str());
            let changed = match name.as_str() {
                "was" => !ticked,
                "not" => ticked,
                _ => false,
            };
            let clean = !address.contains('\0') && address.len() <= 320;
            (changed && clean && seen.insert(address)).then(|| Wish {
                address: address.clone(),
                ticked,
            })
        });
        let wishes = wishes.collect();
        let choices = pairs.iter().filter_map(|(name, word)| {
            let address = name.strip_prefix("do:")?;
            Some((address.to_owned(), Choice::parse(word)?))
        });
        let kind = Kind::parse("tab", of("tab").unwrap_or_default()).unwrap_or(Kind::PopImap);
        Self {
            kind,
            wishes,
            choices: choices.collect(),
            keep: all("keep").filter_map(Protocol::parse).collect(),
            when: When::read(of("when"), of("date"), of("time")),
            notify: of("notify").is_some(),
            here: of("here").unwrap_or_default().to_owned(),
        }
    }

    /// The page it came from, when that is one of this tenant's mailboxes; else the tab of its kind.
    #[must_use]
    pub fn back(&self, tenant: &str) -> String {
        let below = format!("{}/", crate::web::urls::mailboxes(tenant));
        let inside = self.here.starts_with(&below) && !self.here.contains(['\\', '\r', '\n']);
        if inside {
            self.here.clone()
        } else {
            Tab::of(self.kind).path(tenant)
        }
    }

    /// The way back, for the form.
    #[must_use]
    pub fn here(&self) -> &str {
        &self.here
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Order {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        Order::read(&pairs)
    }

    #[test]
    fn only_a_tick_that_somebody_changed_is_a_wish() {
        let order = read(&[
            ("tab", "exchange"),
            ("was", "kept@acme.test"),
            ("was", "unticked@acme.test"),
            ("not", "left@acme.test"),
            ("not", "ticked@acme.test"),
            ("on", "kept@acme.test"),
            ("on", "ticked@acme.test"),
            ("on", "never-shown@acme.test"),
        ]);
        let wish = |address: &str, ticked| Wish {
            address: address.to_owned(),
            ticked,
        };
        assert_eq!(
            order.wishes,
            [
                wish("unticked@acme.test", false),
                wish("ticked@acme.test", true)
            ]
        );
        assert_eq!(order.kind, Kind::Exchange);
    }

    #[test]
    fn the_way_back_leads_to_this_tenants_mailboxes_only() {
        let back = |here| read(&[("tab", "exchange"), ("here", here)]).back("acme");
        let page = "/t/acme/mailboxes/pop-imap?q=ann";
        assert_eq!(back(page), page);
        for foreign in [
            "",
            "/t/globex/mailboxes/kept",
            "//other.test",
            "/t/acme/mailboxes",
        ] {
            assert_eq!(back(foreign), "/t/acme/mailboxes/exchange", "{foreign}");
        }
    }
}
