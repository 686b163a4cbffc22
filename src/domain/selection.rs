//! Choosing many mailboxes before any is converted: what was chosen, what a look at each found, and
//! the whole of it in numbers. A batch that is still a draft has a selection; once it is confirmed,
//! what was left out stays listed here with the reason.
use chrono::{DateTime, TimeDelta, Utc};

use super::conversion::Closing;
use super::{
    EmailAddress, ItemId, Kind, MailboxId, PlanId, PreCheck, Protocol, Protocols, TenantId, Way,
};

/// A protocol used within so many days is one that somebody would miss.
pub const LATELY: TimeDelta = TimeDelta::days(30);

/// What counts as this week.
pub const WEEK: TimeDelta = TimeDelta::days(7);

/// What a look at one mailbox came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Not looked at yet.
    Waits,
    /// Nothing in the way.
    Ready,
    /// Nothing in the way, but somebody uses what closes.
    Attention,
    /// It cannot be converted, and is left out.
    Blocked,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waits, Self::Ready, Self::Attention, Self::Blocked];

    /// The word used in URLs, JSON and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Ready => "ready",
            Self::Attention => "attention",
            Self::Blocked => "blocked",
        }
    }

    /// The one of that word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// One row of a selection.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its id, and that of the item that it becomes.
    pub id: ItemId,
    /// The row of the list that it came in, from 1; `None` when it was found by a filter.
    pub line: Option<i32>,
    /// Its address; what was typed, when that is none of ours.
    pub address: String,
    /// The person's name.
    pub name: String,
    /// The mailbox and whose it is.
    pub mailbox: Option<(TenantId, MailboxId)>,
    /// What the look came to.
    pub verdict: Verdict,
    /// The first blocker's word; empty when there is none.
    pub blocker: String,
    /// Why it is left out, in sentences.
    pub why: String,
    /// How it would be done.
    pub way: Option<Way>,
    /// The kind that it has.
    pub from: Option<Kind>,
    /// The server that holds it.
    pub server: String,
    /// The server that it would move to; empty when it stays.
    pub goes_to: String,
    /// The plan that it would get.
    pub plan: Option<PlanId>,
    /// Whose seat of it the row was promised, where there is a limit.
    pub seat_of: Option<TenantId>,
    /// Plan and price code before and after, in words.
    pub plan_change: String,
    /// What closes, each with its last use.
    pub closes: Vec<Closing>,
    /// What opens.
    pub opens: Protocols,
    /// What closes and was used in the last seven days.
    pub used_this_week: Protocols,
    /// What closes and was used in the last thirty.
    pub used_lately: Protocols,
    /// Messages, as last read.
    pub messages: i64,
    /// Bytes, as last read.
    pub bytes: i64,
}

impl Choice {
    /// A row that was named and not looked at yet.
    #[must_use]
    pub fn named(line: i32, typed: &str) -> Self {
        Self {
            id: ItemId::new(),
            line: Some(line),
            address: typed.to_owned(),
            name: String::new(),
            mailbox: None,
            verdict: Verdict::Waits,
            blocker: String::new(),
            why: String::new(),
            way: None,
            from: None,
            server: String::new(),
            goes_to: String::new(),
            plan: None,
            seat_of: None,
            plan_change: String::new(),
            closes: vec![],
            opens: Protocols::NONE,
            used_this_week: Protocols::NONE,
            used_lately: Protocols::NONE,
            messages: 0,
            bytes: 0,
        }
    }

    /// Left out for a reason that is not the mailbox's.
    #[must_use]
    pub fn left_out(mut self, blocker: &str, why: String) -> Self {
        self.verdict = Verdict::Blocked;
        blocker.clone_into(&mut self.blocker);
        self.why = why;
        self
    }

    /// What was typed is none of our mailboxes.
    #[must_use]
    pub fn unknown(self) -> Self {
        let typed = &self.address;
        match EmailAddress::parse("address", typed) {
            Ok(_) => {
                let why = PreCheck::unknown(typed).why_not().unwrap_or_default();
                self.left_out("not_found", why)
            }
            Err(fault) => {
                let why = fault.to_string();
                self.left_out("not_an_address", why)
            }
        }
    }

    /// With what the pre-check found.
    #[must_use]
    pub fn seen(mut self, check: &PreCheck, now: DateTime<Utc>) -> Self {
        let within = |age: TimeDelta| -> Protocols {
            let used = |closing: &&Closing| closing.last_used_at.is_some_and(|at| now - at < age);
            let used = check.closes.iter().filter(used);
            used.map(|closing| closing.protocol).collect()
        };
        self.used_this_week = within(WEEK);
        self.used_lately = within(LATELY);
        check.address.as_str().clone_into(&mut self.address);
        self.name.clone_from(&check.display_name);
        self.way = check.way;
        self.goes_to = match (check.way, &check.server) {
            (Some(Way::Move), Some(server)) => server.clone(),
            _ => String::new(),
        };
        self.opens = check.opens.iter().copied().collect();
        self.closes.clone_from(&check.closes);
        self.plan_change = plan_change(check);
        self.seat_of = check.seat_of;
        self.messages = check.messages;
        self.bytes = check.bytes;
        self.verdict = if self.used_lately.is_empty() {
            Verdict::Ready
        } else {
            Verdict::Attention
        };
        match check.blockers.first() {
            Some(first) => self.left_out(&first.code, check.why_not().unwrap_or_default()),
            None => self,
        }
    }
}

/// "basic (B-1) to exchange (X-5)".
fn plan_change(check: &PreCheck) -> String {
    let Some(to) = &check.plan_to else {
        return String::new();
    };
    let priced = |slug: &str, code: &Option<String>| match code {
        Some(code) => format!("{slug} ({code})"),
        None => slug.to_owned(),
    };
    let from = priced(&check.plan_from, &check.price_codes.0);
    format!("{from} to {}", priced(to, &check.price_codes.1))
}

/// What was chosen, and how far the look at it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// In words: "All POP/IMAP mailboxes in acme.test".
    pub chosen: String,
    /// Rows as far as one knew when they were chosen.
    pub expected: u64,
    /// Rows looked at so far.
    pub checked: u64,
    /// When the look was through; `None` while it goes on.
    pub checked_at: Option<DateTime<Utc>>,
}

/// Which rows of a selection a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Group {
    /// Those of one verdict.
    Verdict(Verdict),
    /// Those left out for one reason, by its word.
    Blocker(String),
    /// Those on which it closes and was used this week.
    Used(Protocol),
    /// Those whose people have to set up their clients again.
    SetUpAgain,
    /// Those done in one way.
    Way(Way),
    /// Those with one change of plan and price code.
    Plan(String),
}

impl Group {
    /// The word in a query: `blocked`, `blocker:drift`, `used:pop3`, `again`, `move`, `plan:…`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Verdict(verdict) => verdict.as_str().to_owned(),
            Self::Blocker(code) => format!("blocker:{code}"),
            Self::Used(protocol) => format!("used:{}", protocol.as_str()),
            Self::SetUpAgain => "again".to_owned(),
            Self::Way(way) => way.as_str().to_owned(),
            Self::Plan(change) => format!("plan:{change}"),
        }
    }

    /// The group of that word, if there is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(verdict) = Verdict::parse(word) {
            return Some(Self::Verdict(verdict));
        }
        if let Some(way) = Way::parse(word) {
            return Some(Self::Way(way));
        }
        match word.split_once(':') {
            Some(("blocker", code)) => Some(Self::Blocker(code.to_owned())),
            Some(("used", protocol)) => Protocol::parse(protocol).map(Self::Used),
            Some(("plan", change)) => Some(Self::Plan(change.to_owned())),
            _ => (word == "again").then_some(Self::SetUpAgain),
        }
    }
}

/// A selection in numbers. Everything but `blocked` and its reasons counts what is not left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Not looked at yet.
    pub waits: u64,
    /// Nothing in the way.
    pub ready: u64,
    /// Nothing in the way, but somebody uses what closes.
    pub attention: u64,
    /// Left out.
    pub blocked: u64,
    /// Left out, by the first reason's word; most first.
    pub blockers: Vec<(String, u64)>,
    /// What opens, on how many.
    pub opens: Vec<(Protocol, u64)>,
    /// What closes, on how many, and on how many of these it was used this week.
    pub closes: Vec<Closes>,
    /// People who have to set up their clients again.
    pub set_up_again: u64,
    /// How many are done in which way.
    pub ways: Vec<(Way, u64)>,
    /// Changes of plan and price code, on how many; most first.
    pub plans: Vec<(String, u64)>,
    /// Messages, as last read.
    pub messages: u64,
    /// Bytes, as last read.
    pub bytes: u64,
}

/// A protocol that closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closes {
    /// Which.
    pub protocol: Protocol,
    /// On how many mailboxes.
    pub on: u64,
    /// On how many of these it was used this week.
    pub used_this_week: u64,
}

impl Tally {
    /// Those that would be converted.
    #[must_use]
    pub const fn going(&self) -> u64 {
        self.ready + self.attention
    }

    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.waits + self.going() + self.blocked
    }

    /// Those of a group.
    #[must_use]
    pub fn of(&self, group: &Group) -> u64 {
        fn named<T: PartialEq>(counts: &[(T, u64)], what: &T) -> u64 {
            let found = counts.iter().find(|(known, _)| known == what);
            found.map_or(0, |(_, rows)| *rows)
        }
        match group {
            Group::Verdict(Verdict::Waits) => self.waits,
            Group::Verdict(Verdict::Ready) => self.ready,
            Group::Verdict(Verdict::Attention) => self.attention,
            Group::Verdict(Verdict::Blocked) => self.blocked,
            Group::Blocker(code) => named(&self.blockers, code),
            Group::Used(protocol) => {
                let closes = self.closes.iter().find(|one| one.protocol == *protocol);
                closes.map_or(0, |closes| closes.used_this_week)
            }
            Group::SetUpAgain => self.set_up_again,
            Group::Way(way) => named(&self.ways, way),
            Group::Plan(change) => named(&self.plans, change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_has_a_word_of_its_own() {
        for group in [
            Group::Verdict(Verdict::Blocked),
            Group::Blocker("drift".to_owned()),
            Group::Used(Protocol::Pop3),
            Group::SetUpAgain,
            Group::Way(Way::Move),
            Group::Plan("basic (B:1) to exchange".to_owned()),
        ] {
            assert_eq!(Group::parse(&group.word()), Some(group));
        }
        for none in ["", "used:", "used:telnet", "nobody"] {
            assert_eq!(Group::parse(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_typed_and_is_no_address_says_so() {
        let row = Choice::named(3, "ann at acme").unknown();
        assert_eq!(
            (row.verdict, row.blocker.as_str()),
            (Verdict::Blocked, "not_an_address")
        );
        let row = Choice::named(4, "nobody@acme.test").unknown();
        assert_eq!(row.blocker, "not_found");
        assert!(row.why.contains("nobody@acme.test"), "{}", row.why);
    }
}
