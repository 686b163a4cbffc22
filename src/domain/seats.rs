//! Seats: how many mailboxes of a plan a tenant may have. They are handed down the tree: a limit that
//! a tenant has counts in full where it came from, whether its seats are taken or not.
use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Invalid, MailboxId, PlanId, TenantId};

/// The most that can be entered as a limit.
pub const MOST: u64 = 1_000_000_000;

/// How a tenant stands with one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seats {
    /// The limit of its own, if it was given one.
    pub limit: Option<u64>,
    /// Mailboxes of its own.
    pub taken: u64,
    /// Mailboxes of its own, and what its children have been given or, without a limit, use.
    pub used: u64,
    /// How many can still be taken here, by its own limit or the nearest one above; `None` when there
    /// is no limit at all.
    pub left: Option<u64>,
    /// The most that its own limit could be now; `None` when nothing above it has a limit. For those
    /// above it only.
    pub most: Option<u64>,
}

impl Seats {
    /// It has no limit of its own, but something above it has.
    #[must_use]
    pub const fn are_from_above(&self) -> bool {
        self.limit.is_none() && self.left.is_some()
    }

    /// Of a limit of its own nothing is left, or less than a tenth. Who was given none at all is not
    /// waiting for more.
    #[must_use]
    pub fn run_out(&self) -> bool {
        let few = |(limit, left): (u64, u64)| limit > 0 && left * 10 < limit;
        self.limit.zip(self.left).is_some_and(few)
    }
}

/// A limit as it is typed; nothing takes it away.
pub fn limit(field: &str, typed: &str) -> Result<Option<u64>, Invalid> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(None);
    }
    let number = typed.parse().map_err(|_| out_of_range(field))?;
    in_range(field, number).map(Some)
}

/// A limit that is not larger than anybody means.
pub fn in_range(field: &str, limit: u64) -> Result<u64, Invalid> {
    if limit > MOST {
        return Err(out_of_range(field));
    }
    Ok(limit)
}

fn out_of_range(field: &str) -> Invalid {
    let detail = format!("Enter a whole number from 0 to {MOST}, or nothing for no limit.");
    Invalid::field(field, detail)
}

/// The seats of one plan in a part of the tree: what is taken and what was given, each by the path of
/// its tenant.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    taken: BTreeMap<String, u64>,
    limits: BTreeMap<String, u64>,
}

impl Ledger {
    /// So many mailboxes are in this tenant itself.
    pub fn set_taken(&mut self, path: String, mailboxes: u64) {
        self.taken.insert(path, mailboxes);
    }

    /// This tenant has a limit.
    pub fn set_limit(&mut self, path: String, limit: u64) {
        self.limits.insert(path, limit);
    }

    /// What counts as used in a tenant: its own mailboxes, and of each child the limit or, without
    /// one, what the child uses.
    #[must_use]
    pub fn used(&self, path: &str) -> u64 {
        let mut used = under(&self.taken, path).map(|(_, taken)| taken).sum();
        let mut given_at: Option<&str> = None;
        for (below, limit) in under(&self.limits, path).filter(|(below, _)| *below != path) {
            if given_at.is_some_and(|above| is_at_or_below(below, above)) {
                continue;
            }
            let within: u64 = under(&self.taken, below).map(|(_, taken)| taken).sum();
            used = used - within + limit;
            given_at = Some(below);
        }
        used
    }

    /// What a tenant counts for in the one above it.
    #[must_use]
    pub fn counted(&self, path: &str) -> u64 {
        let limit = self.limits.get(path).copied();
        limit.unwrap_or_else(|| self.used(path))
    }

    /// The nearest tenant at or above this one that has a limit.
    #[must_use]
    pub fn holder<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut at = Some(path);
        while let Some(here) = at {
            if self.limits.contains_key(here) {
                return Some(here);
            }
            at = above(here);
        }
        None
    }

    /// How many can still be taken in a tenant; `None` when there is no limit.
    #[must_use]
    pub fn left(&self, path: &str) -> Option<u64> {
        let holder = self.holder(path)?;
        let limit = self.limits.get(holder)?;
        Some(limit.saturating_sub(self.used(holder)))
    }

    /// The most that the limit of a tenant could be: what is left above it, and what it counts for
    /// there already. `None` when nothing above it has a limit.
    #[must_use]
    pub fn most(&self, path: &str) -> Option<u64> {
        Some(self.left(above(path)?)? + self.counted(path))
    }

    /// The limits that run out, see [`Seats::run_out`]; without the most that each could be.
    #[must_use]
    pub fn run_out(&self) -> Vec<(&str, Seats)> {
        let all = self
            .limits
            .keys()
            .map(|path| (path.as_str(), self.seats_with(path, None)));
        all.filter(|(_, seats)| seats.run_out()).collect()
    }

    /// All of it.
    #[must_use]
    pub fn seats(&self, path: &str) -> Seats {
        self.seats_with(path, above(path).and_then(|above| self.left(above)))
    }

    /// The same when it is known how many are left above it: one answer for all the children of a
    /// tenant, who may be thousands.
    #[must_use]
    pub fn seats_with(&self, path: &str, left_above: Option<u64>) -> Seats {
        let (limit, used) = (self.limits.get(path).copied(), self.used(path));
        Seats {
            limit,
            taken: self.taken.get(path).copied().unwrap_or_default(),
            used,
            left: limit.map_or(left_above, |limit| Some(limit.saturating_sub(used))),
            most: left_above.map(|left| left + limit.unwrap_or(used)),
        }
    }
}

/// The path of the tenant above; `None` for the root.
fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(above, _)| above)
}

fn is_at_or_below(path: &str, other: &str) -> bool {
    let rest = path.strip_prefix(other);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The entries at a path and below it, parents first. Ids are all of one length, so that what begins
/// with a path stands together.
fn under<'a>(
    entries: &'a BTreeMap<String, u64>,
    path: &'a str,
) -> impl Iterator<Item = (&'a str, u64)> {
    let from =
        entries.range::<str, _>((std::ops::Bound::Included(path), std::ops::Bound::Unbounded));
    from.take_while(move |(at, _)| is_at_or_below(at, path))
        .map(|(at, count)| (at.as_str(), *count))
}

/// There is no seat to be had, where and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSeat {
    /// The name of the tenant that needs one.
    pub tenant: String,
    /// The name of the plan.
    pub plan: String,
    /// The tenant's own limit, where it is that which is reached.
    pub limit: Option<u64>,
}

impl NoSeat {
    /// What happened to somebody who chose the plan, and what to do now.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { tenant, plan, .. } = self;
        format!(
            "{} Choose another plan, take a mailbox of {plan} away, or ask whoever gives {tenant} its \
             seats for more.",
            self.what()
        )
    }

    /// The same for a mailbox that is to come back.
    #[must_use]
    pub fn to_bring_back(&self, address: &str) -> String {
        let Self { tenant, plan, .. } = self;
        format!(
            "{} To bring {address} back, take another mailbox of {plan} away first, or ask whoever \
             gives {tenant} its seats for more.",
            self.what()
        )
    }

    /// The same for a mailbox that is to be converted, where so many are left for those before it.
    #[must_use]
    pub fn to_convert(&self, address: &str, left: u64) -> String {
        let Self { tenant, plan, .. } = self;
        let what = match left {
            0 => self.what(),
            1 => format!(
                "One seat of {plan} is left for {tenant}, and one before {address} takes it."
            ),
            _ => format!(
                "{left} seats of {plan} are left for {tenant}, and those before {address} take them."
            ),
        };
        format!(
            "{what} To convert {address}, take a mailbox of {plan} away first, or ask whoever gives \
             {tenant} its seats for more."
        )
    }

    fn what(&self) -> String {
        let Self { tenant, plan, .. } = self;
        match self.limit {
            Some(0) => format!("{tenant} has no seat of {plan}."),
            Some(1) => format!("{tenant} has one seat of {plan}, and it is taken."),
            Some(limit) => format!("{tenant} has {limit} seats of {plan}, and all are taken."),
            None => format!("No seat of {plan} is left for {tenant}."),
        }
    }
}

/// A seat that a mailbox would need, and how many there are to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needed {
    /// Whose limit counts.
    pub holder: TenantId,
    /// The plan.
    pub plan: PlanId,
    /// How many can still be taken.
    pub left: u64,
    /// What is said where that is none.
    pub refusal: NoSeat,
}

/// Seats promised so far to mailboxes that are looked at together: they compete, first come first
/// served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Promised {
    seats: HashMap<(TenantId, PlanId), u64>,
    to: HashSet<MailboxId>,
}

impl Promised {
    /// So many were promised before.
    #[must_use]
    pub fn before(promised: impl IntoIterator<Item = ((TenantId, PlanId), u64)>) -> Self {
        Self {
            seats: promised.into_iter().collect(),
            to: HashSet::new(),
        }
    }

    /// Promises a mailbox one more, if there is one. It gets one, however often it is named.
    pub fn promise(&mut self, needed: &Needed, mailbox: MailboxId) -> bool {
        if self.to.contains(&mailbox) {
            return true;
        }
        let key = (needed.holder, needed.plan);
        let promised = self.seats.entry(key).or_default();
        let there = *promised < needed.left;
        if there {
            *promised += 1;
            self.to.insert(mailbox);
        }
        there
    }
}

#[cfg(test)]
mod tests;
