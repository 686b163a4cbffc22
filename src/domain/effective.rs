//! What is really open, and why not: one pure function that every surface asks.
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Protocol, Protocols};

/// One switch as its admin set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SwitchValue {
    /// On or off.
    pub on: bool,
    /// On until then, after which it turns itself off.
    pub until: Option<DateTime<Utc>>,
}

/// All switches of a mailbox. One that was never set is off.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Switches(pub BTreeMap<Protocol, SwitchValue>);

impl Switches {
    /// These on, for good; the rest off.
    #[must_use]
    pub fn on(protocols: Protocols) -> Self {
        let each = |p| {
            (
                p,
                SwitchValue {
                    on: protocols.has(p),
                    until: None,
                },
            )
        };
        Self(Protocol::ALL.into_iter().map(each).collect())
    }

    /// The value of one.
    #[must_use]
    pub fn get(&self, protocol: Protocol) -> SwitchValue {
        self.0.get(&protocol).copied().unwrap_or_default()
    }

    /// Sets one.
    pub fn set(&mut self, protocol: Protocol, value: SwitchValue) {
        self.0.insert(protocol, value);
    }

    /// Whether it is on at `now`.
    #[must_use]
    pub fn is_on(&self, protocol: Protocol, now: DateTime<Utc>) -> bool {
        let value = self.get(protocol);
        value.on && value.until.is_none_or(|until| now < until)
    }

    /// When the next grant ends, if one does.
    #[must_use]
    pub fn next_end(&self) -> Option<DateTime<Utc>> {
        self.0
            .values()
            .filter(|v| v.on)
            .filter_map(|v| v.until)
            .min()
    }

    /// Turns off what has ended by `now`; says whether anything did.
    pub fn end_grants(&mut self, now: DateTime<Utc>) -> bool {
        let mut ended = false;
        for value in self.0.values_mut() {
            if value.on && value.until.is_some_and(|until| until <= now) {
                *value = SwitchValue::default();
                ended = true;
            }
        }
        ended
    }
}

/// The levels that decide, from the outermost in. Each keeps its own value: none overwrites another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// What the mail server offers.
    pub server_offers: Protocols,
    /// What the kind allows.
    pub kind_allows: Protocols,
    /// What the plan allows.
    pub plan_allows: Protocols,
    /// Whether the tenant, or one above it, is suspended.
    pub tenant_suspended: bool,
    /// Whether the domain is enabled.
    pub domain_enabled: bool,
    /// Whether the mailbox is suspended or retained.
    pub mailbox_suspended: bool,
    /// Whether a conversion holds the doors shut for a moment.
    pub converting: bool,
    /// The switches.
    pub switches: Switches,
}

/// The level that closes a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The mail server does not offer it.
    Server,
    /// The kind does not allow it.
    Kind,
    /// The plan does not allow it.
    Plan,
    /// The tenant is suspended.
    Tenant,
    /// The domain is not enabled.
    Domain,
    /// The mailbox is suspended.
    Suspension,
    /// A conversion is switching the mailbox over at this moment.
    Conversion,
    /// Its own switch is off.
    Switch,
}

impl Why {
    /// The sentence for a person.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Server => "The mail server does not offer it.",
            Self::Kind => "This kind of mailbox does not have it.",
            Self::Plan => "The plan does not include it.",
            Self::Tenant => "The customer is suspended.",
            Self::Domain => "The domain is not enabled.",
            Self::Suspension => "The mailbox is suspended.",
            Self::Conversion => "The mailbox is being switched over.",
            Self::Switch => "The switch is off.",
        }
    }
}

/// The outermost level that closes `protocol` at `now`; `None` means that it is open.
#[must_use]
pub fn why_closed(levels: &Levels, protocol: Protocol, now: DateTime<Utc>) -> Option<Why> {
    [
        (!levels.server_offers.has(protocol), Why::Server),
        (!levels.kind_allows.has(protocol), Why::Kind),
        (!levels.plan_allows.has(protocol), Why::Plan),
        (levels.tenant_suspended, Why::Tenant),
        (!levels.domain_enabled, Why::Domain),
        (levels.mailbox_suspended, Why::Suspension),
        (levels.converting, Why::Conversion),
        (!levels.switches.is_on(protocol, now), Why::Switch),
    ]
    .into_iter()
    .find_map(|(closed, why)| closed.then_some(why))
}

/// What is open at `now`.
#[must_use]
pub fn effective(levels: &Levels, now: DateTime<Utc>) -> Protocols {
    Protocol::ALL
        .into_iter()
        .filter(|p| why_closed(levels, *p, now).is_none())
        .collect()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn protocols() -> impl Strategy<Value = Protocols> {
        proptest::collection::vec(any::<bool>(), Protocol::ALL.len()).prop_map(|has| {
            let chosen = Protocol::ALL.into_iter().zip(has);
            chosen.filter_map(|(p, has)| has.then_some(p)).collect()
        })
    }

    fn switches() -> impl Strategy<Value = Switches> {
        let value =
            (any::<bool>(), proptest::option::of(-5_i64..5)).prop_map(|(on, until)| SwitchValue {
                on,
                until: until.map(|days| NOW + TimeDelta::days(days)),
            });
        proptest::collection::vec(value, Protocol::ALL.len())
            .prop_map(|values| Switches(Protocol::ALL.into_iter().zip(values).collect()))
    }

    fn levels() -> impl Strategy<Value = Levels> {
        let sets = (protocols(), protocols(), protocols());
        let flags = any::<(bool, bool, bool, bool)>();
        (sets, flags, switches()).prop_map(|(sets, flags, switches)| Levels {
            server_offers: sets.0,
            kind_allows: sets.1,
            plan_allows: sets.2,
            tenant_suspended: flags.0,
            domain_enabled: flags.1,
            mailbox_suspended: flags.2,
            converting: flags.3,
            switches,
        })
    }

    /// Every level with its own answer for one protocol, outermost first.
    fn closed_by(levels: &Levels, protocol: Protocol) -> Vec<Why> {
        let value = levels.switches.get(protocol);
        let ended = value.until.is_some_and(|until| until <= NOW);
        let all = [
            (Why::Server, !levels.server_offers.has(protocol)),
            (Why::Kind, !levels.kind_allows.has(protocol)),
            (Why::Plan, !levels.plan_allows.has(protocol)),
            (Why::Tenant, levels.tenant_suspended),
            (Why::Domain, !levels.domain_enabled),
            (Why::Suspension, levels.mailbox_suspended),
            (Why::Conversion, levels.converting),
            (Why::Switch, !value.on || ended),
        ];
        let closed = all.into_iter().filter(|(_, closed)| *closed);
        closed.map(|(why, _)| why).collect()
    }

    proptest! {
        #[test]
        fn open_means_that_no_level_closes_it_and_why_is_the_outermost(levels in levels()) {
            for protocol in Protocol::ALL {
                let closed = closed_by(&levels, protocol);
                prop_assert_eq!(why_closed(&levels, protocol, NOW), closed.first().copied());
                prop_assert_eq!(effective(&levels, NOW).has(protocol), closed.is_empty());
            }
        }

        #[test]
        fn a_level_that_closes_and_opens_again_leaves_what_was_open_exactly(levels in levels()) {
            type Flag = fn(&mut Levels) -> &mut bool;
            let before = effective(&levels, NOW);
            let flags: [(Flag, bool); 4] = [
                (|levels| &mut levels.tenant_suspended, true),
                (|levels| &mut levels.domain_enabled, false),
                (|levels| &mut levels.mailbox_suspended, true),
                (|levels| &mut levels.converting, true),
            ];
            let mut changed = levels.clone();
            let mut was = vec![];
            for (flag, closes) in flags {
                was.push(std::mem::replace(flag(&mut changed), closes));
                prop_assert!(effective(&changed, NOW).is_empty());
            }
            for ((flag, _), was) in flags.into_iter().zip(was) {
                *flag(&mut changed) = was;
            }
            prop_assert_eq!(&changed, &levels);
            prop_assert_eq!(effective(&changed, NOW), before);
        }

        #[test]
        fn ending_grants_changes_nothing_that_is_open(switches in switches()) {
            let mut ended = switches.clone();
            ended.end_grants(NOW);
            for protocol in Protocol::ALL {
                prop_assert_eq!(ended.is_on(protocol, NOW), switches.is_on(protocol, NOW));
            }
            prop_assert!(ended.next_end().is_none_or(|end| end > NOW));
            prop_assert!(!ended.end_grants(NOW), "twice is the same as once");
        }
    }
}
