//! Why a protocol is open or shut, in words: one line that says it, and the seven levels that it
//! unfolds to. The decision itself is `domain::effective`'s; here it is only told.

use chrono::{DateTime, Utc};

use crate::domain::{
    Levels, Protocol,
    effective::{Why, why_closed},
};

/// What the `why` component draws.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whether the protocol is open.
    pub open: bool,
    /// "All seven levels say yes", or the sentence of the outermost that says no.
    pub said: String,
    /// From the outermost in.
    pub levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub yes: bool,
    pub words: &'static str,
}

/// Tells why `protocol` is open or shut at `now`.
#[must_use]
pub fn answer(levels: &Levels, protocol: Protocol, now: DateTime<Utc>) -> Answer {
    let closed = why_closed(levels, protocol, now);
    let said = match closed {
        None => "All seven levels say yes".to_owned(),
        Some(why) => why.sentence().trim_end_matches('.').to_owned(),
    };
    let mut told = told(levels, protocol, now);
    // Not a level of its own: it lasts seconds, and is named only while it does.
    if closed == Some(Why::Conversion) {
        told.push(Level {
            yes: false,
            words: "being switched over",
        });
    }
    Answer {
        open: closed.is_none(),
        said,
        levels: told,
    }
}

fn told(levels: &Levels, protocol: Protocol, now: DateTime<Utc>) -> Vec<Level> {
    let on = levels.switches.is_on(protocol, now);
    [
        (
            levels.server_offers.has(protocol),
            "server offers it",
            "server does not offer it",
        ),
        (
            levels.kind_allows.has(protocol),
            "kind allows it",
            "kind does not have it",
        ),
        (
            levels.plan_allows.has(protocol),
            "plan includes it",
            "plan does not include it",
        ),
        (
            !levels.tenant_suspended,
            "customer active",
            "customer suspended",
        ),
        (levels.domain_enabled, "domain on", "domain not on"),
        (
            !levels.mailbox_suspended,
            "mailbox active",
            "mailbox suspended",
        ),
        (on, "switch on", "switch off"),
    ]
    .into_iter()
    .map(|(yes, if_yes, if_no)| Level {
        yes,
        words: if yes { if_yes } else { if_no },
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Kind, Protocols, Switches};

    fn levels() -> Levels {
        Levels {
            server_offers: Protocols::of(&Protocol::ALL),
            kind_allows: Kind::Exchange.allows(),
            plan_allows: Protocols::of(&Protocol::ALL),
            tenant_suspended: false,
            domain_enabled: true,
            mailbox_suspended: false,
            converting: false,
            switches: Switches::on(Protocols::of(&[Protocol::Imap, Protocol::Smtp])),
        }
    }

    fn now() -> DateTime<Utc> {
        "2026-11-24T14:31:40Z".parse().expect("a moment")
    }

    #[test]
    fn an_open_protocol_has_seven_levels_that_say_yes() {
        let told = answer(&levels(), Protocol::Imap, now());
        assert!(told.open);
        assert_eq!(
            (told.said.as_str(), told.levels.len()),
            ("All seven levels say yes", 7)
        );
        assert!(told.levels.iter().all(|level| level.yes));
    }

    #[test]
    fn the_outermost_no_is_the_reason_and_the_others_still_say_their_own() {
        let mut levels = levels();
        levels.plan_allows = levels.plan_allows.without(Protocols::of(&[Protocol::Pop3]));
        let told = answer(&levels, Protocol::Pop3, now());
        assert_eq!(told.said, "The plan does not include it");
        let no: Vec<_> = told
            .levels
            .iter()
            .filter(|level| !level.yes)
            .map(|l| l.words)
            .collect();
        assert_eq!(no, ["plan does not include it", "switch off"]);
    }

    #[test]
    fn a_conversion_is_named_while_it_lasts() {
        let told = answer(
            &Levels {
                converting: true,
                ..levels()
            },
            Protocol::Imap,
            now(),
        );
        assert_eq!(
            told.levels.last().map(|level| level.words),
            Some("being switched over")
        );
        assert!(!told.open);
    }
}
