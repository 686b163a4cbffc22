//! What has to change, as a pure function: no clock, no database, no server. The executor in
//! [`super`] carries it out and makes no choices of its own.
use crate::backends::Abilities;
use crate::domain::mailserver::{
    Aspect, Change, DesiredMailbox, Observed, ObservedMailbox, PasswordMark,
};

/// The changes that lead from `observed` to `desired`, in the order in which they are applied;
/// none when there is nothing to do.
///
/// An account that is somebody else's is not touched: the plan is to create ours, which the server
/// refuses with a sentence of its own.
#[must_use]
pub fn plan(desired: &DesiredMailbox, observed: &Observed, abilities: Abilities) -> Vec<Change> {
    let mut changes = vec![];
    if observed.domain_accepts != Some(desired.domain_accepts) {
        changes.push(Change::PutDomain {
            name: desired.address.domain(),
            accepts: desired.domain_accepts,
        });
    }
    match ours(desired, observed) {
        None => changes.push(Change::Create(desired.clone())),
        Some(account) => changes.extend(update(desired, account, abilities)),
    }
    changes
}

/// The changes that destroy the account of `desired`; none when it is gone, or is not ours.
#[must_use]
pub fn plan_removal(desired: &DesiredMailbox, observed: &Observed) -> Vec<Change> {
    let remove = |account: &ObservedMailbox| Change::Remove {
        address: account.address.clone(),
        remote_id: account.remote_id.clone(),
    };
    ours(desired, observed).map(remove).into_iter().collect()
}

/// The account at the address, if it bears our marker, or bears none and is the one that was
/// adopted.
#[must_use]
pub fn ours<'a>(desired: &DesiredMailbox, observed: &'a Observed) -> Option<&'a ObservedMailbox> {
    observed.account.as_ref().filter(|account| {
        account.marker.map_or_else(
            || desired.remote_id.as_ref() == Some(&account.remote_id),
            |marker| marker == desired.id,
        )
    })
}

fn update(
    desired: &DesiredMailbox,
    account: &ObservedMailbox,
    abilities: Abilities,
) -> Vec<Change> {
    let aspects = differing(desired, account);
    if aspects.is_empty() {
        return vec![];
    }
    let closes = !desired.open.covers(account.open);
    let ends = abilities.ends_sessions && (closes || aspects.contains(&Aspect::Password));
    let mut changes = vec![Change::Update {
        remote_id: account.remote_id.clone(),
        desired: desired.clone(),
        aspects,
    }];
    if ends {
        changes.push(end_sessions(account));
    }
    changes
}

/// Drops whoever is connected to that account.
#[must_use]
pub fn end_sessions(account: &ObservedMailbox) -> Change {
    Change::EndSessions {
        address: account.address.clone(),
        remote_id: account.remote_id.clone(),
    }
}

/// The aspects in which an account is not as desired. What the server does not tell is taken to
/// be as desired.
#[must_use]
pub fn differing(desired: &DesiredMailbox, account: &ObservedMailbox) -> Vec<Aspect> {
    let password = account
        .password
        .as_ref()
        .is_some_and(|mark| *mark != PasswordMark::of(desired.password_hash.as_ref()));
    [
        (account.marker != Some(desired.id), Aspect::Marker),
        (account.address != desired.address, Aspect::Address),
        (
            account.display_name != desired.display_name,
            Aspect::DisplayName,
        ),
        (password, Aspect::Password),
        (account.open != desired.open, Aspect::Open),
        (account.receives != desired.receives, Aspect::Receives),
        (
            account.closed_reason != desired.closed_reason,
            Aspect::ClosedReason,
        ),
        (account.quota_bytes != desired.quota_bytes, Aspect::Quota),
    ]
    .into_iter()
    .filter_map(|(differs, aspect)| differs.then_some(aspect))
    .collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
