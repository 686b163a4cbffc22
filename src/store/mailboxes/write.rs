//! How a mailbox row is changed: read it with its lock, change what is asked, [`touch`] it, write
//! its [`asked`] half. The engine does the same with what it has [`seen`].
use chrono::{DateTime, Utc};
use sea_orm::Set;

use super::super::schema::mailbox;
use crate::domain::Switches;
use crate::domain::mailbox::Standing;

/// The end of every change asked for, whoever asks: the generation grows, the reconciler is due at
/// once, what stood in the way before no longer counts, and what is derived from the row is derived
/// anew. What a sweep found different stays until the server is read back, or until a repair or an
/// adoption settles it.
pub(in crate::store) fn touch(
    row: &mut mailbox::Model,
    now: DateTime<Utc>,
) -> Result<(), serde_json::Error> {
    row.asked_generation += 1;
    row.next_try_at = Some(now);
    row.attempts = 0;
    row.refused = false;
    row.problem = None;
    row.next_end_at = switches(row)?.next_end();
    row.search = search(&row.display_name, &row.address);
    standing(row).state().as_str().clone_into(&mut row.state);
    row.updated_at = now;
    Ok(())
}

/// The facts that the state of a row is derived from.
pub(in crate::store) fn standing(row: &mailbox::Model) -> Standing {
    Standing {
        retained: row.retained_at.is_some(),
        converting: row.converting_item.is_some(),
        refused: row.refused,
        seen: row.seen_generation == row.asked_generation,
        suspended: row.suspended_at.is_some(),
    }
}

/// The switches of a row.
pub(in crate::store) fn switches(row: &mailbox::Model) -> Result<Switches, serde_json::Error> {
    serde_json::from_value(row.switches.clone())
}

/// What `q` is looked for in: name and address in lower case, so that both databases agree on what
/// matches.
pub(in crate::store) fn search(display_name: &str, address: &str) -> String {
    format!("{} {address}", display_name.to_lowercase())
}

/// The half of a row that is asked for, with how it stands: what a use-case may write.
pub(in crate::store) fn asked(row: &mailbox::Model) -> mailbox::ActiveModel {
    let row = row.clone();
    mailbox::ActiveModel {
        user_id: Set(row.user_id),
        server_id: Set(row.server_id),
        plan_id: Set(row.plan_id),
        display_name: Set(row.display_name),
        search: Set(row.search),
        kind: Set(row.kind),
        quota_bytes: Set(row.quota_bytes),
        switches: Set(row.switches),
        next_end_at: Set(row.next_end_at),
        suspended_at: Set(row.suspended_at),
        suspended_reason: Set(row.suspended_reason),
        receives: Set(row.receives),
        retained_at: Set(row.retained_at),
        purge_after: Set(row.purge_after),
        purge_asked_at: Set(row.purge_asked_at),
        converting_item: Set(row.converting_item),
        doors_shut: Set(row.doors_shut),
        asked_generation: Set(row.asked_generation),
        state: Set(row.state),
        problem: Set(row.problem),
        refused: Set(row.refused),
        drift: Set(row.drift),
        drift_at: Set(row.drift_at),
        attempts: Set(row.attempts),
        next_try_at: Set(row.next_try_at),
        updated_at: Set(row.updated_at),
        ..Default::default()
    }
}

/// The half of a row that was seen on the server, with how it stands: what the engine may write.
/// Leases, sizes and last logins are written by themselves and are not in it.
pub(in crate::store) fn seen(row: &mailbox::Model) -> mailbox::ActiveModel {
    let row = row.clone();
    mailbox::ActiveModel {
        seen_generation: Set(row.seen_generation),
        seen_at: Set(row.seen_at),
        seen_open: Set(row.seen_open),
        remote_id: Set(row.remote_id),
        state: Set(row.state),
        problem: Set(row.problem),
        refused: Set(row.refused),
        drift: Set(row.drift),
        drift_at: Set(row.drift_at),
        attempts: Set(row.attempts),
        next_try_at: Set(row.next_try_at),
        ..Default::default()
    }
}
