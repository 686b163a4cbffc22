//! What counts as nothing lost, and the receipt that says so.
//!
//! Three readings make the proof. Before and after the switch the doors are shut, so that nobody
//! but the mail server itself can add or change anything: there, every folder and message must be
//! exactly what it was, by UID, date, flags and size, and only mail that arrived may be new. After
//! the doors have opened, every message is read in full once more, and each that is still there
//! must be byte for byte what was read before the switch. Mail that its owner deleted or flagged
//! after the doors had opened is no loss: it was there, and equal, behind shut doors. The receipt
//! counts it.
use chrono::{DateTime, Utc};

use crate::domain::conversion::moved::{compare_moved, keeps_numbers, without_numbers};
use crate::domain::conversion::{Moved, ReadAgain};
use crate::domain::snapshot::{Snapshot, compare};
use crate::domain::{Receipt, Way};
use crate::store::engine::conversions::Job;

/// Differences named in a receipt, and in the sentence of a failure.
const NAMED: (usize, usize) = (500, 5);

/// Compares the two readings behind shut doors.
pub(super) fn compared(
    job: &Job,
    before: &Snapshot,
    after: &Snapshot,
    now: DateTime<Utc>,
) -> Receipt {
    let comparison = compare(before, after);
    Receipt {
        address: job.address.as_str().to_owned(),
        way: Way::InPlace,
        from: job.from,
        to: job.to,
        before: before.summary(),
        after: after.summary(),
        arrived_meanwhile: comparison.arrived,
        identical: comparison.differences.is_empty(),
        differences: capped(comparison.differences),
        read_again: None,
        moved: None,
        started_at: job.started_at,
        finished_at: now,
    }
}

/// Compares the two readings of a mailbox that moved. The account is another one, so that messages
/// are compared by what they are; where the new server could keep the numbers, the receipt has them.
pub(super) fn moved(
    job: &Job,
    (from_server, to_server): (String, String),
    before: &Snapshot,
    after: &Snapshot,
    now: DateTime<Utc>,
) -> Receipt {
    let comparison = compare_moved(before, after);
    let keeps_numbers = keeps_numbers(before, after);
    let summary = |snapshot: &Snapshot| {
        if keeps_numbers {
            snapshot.summary()
        } else {
            without_numbers(snapshot.clone()).summary()
        }
    };
    Receipt {
        address: job.address.as_str().to_owned(),
        way: Way::Move,
        from: job.from,
        to: job.to,
        before: summary(before),
        after: summary(after),
        arrived_meanwhile: comparison.arrived,
        identical: comparison.differences.is_empty(),
        differences: capped(comparison.differences),
        read_again: None,
        moved: Some(Moved {
            from_server,
            to_server,
            keeps_numbers,
        }),
        started_at: job.started_at,
        finished_at: now,
    }
}

/// Adds the reading after the doors had opened.
pub(super) fn settled(receipt: &mut Receipt, seen: ReadAgain, differences: Vec<String>) {
    receipt.read_again = Some(seen);
    receipt.identical &= differences.is_empty();
    receipt.differences.extend(capped(differences));
}

fn capped(mut differences: Vec<String>) -> Vec<String> {
    let more = differences.len().saturating_sub(NAMED.0);
    if more > 0 {
        differences.truncate(NAMED.0);
        differences.push(format!("{more} more."));
    }
    differences
}

/// Why it failed, with the first differences by name.
pub(super) fn failure(job: &Job, receipt: &Receipt) -> String {
    let (count, total) = (receipt.differences.len(), receipt.before.messages);
    let what = if count == 1 {
        "1 thing is".to_owned()
    } else {
        format!("{count} things are")
    };
    let named: Vec<&str> = receipt
        .differences
        .iter()
        .take(NAMED.1)
        .map(String::as_str)
        .collect();
    let rest = if count > named.len() {
        " The receipt names the rest."
    } else {
        ""
    };
    format!(
        "{what} not as before the switch, of {total} messages. {}{rest} The mailbox was switched \
         back to {}; ask whoever runs {} what changed it, then retry.",
        named.join(" "),
        job.from.label(),
        job.server_name
    )
}
