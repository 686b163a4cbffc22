//! What is held and what is due, by a clock that somebody may set. A panel that took a lease while
//! its clock was two hours ahead, and died, must not keep others out for two hours: a time further
//! ahead than anything here ever lasts was written by another clock, and counts for nothing.
use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition};

/// No lease lasts longer, and no pause before the next try.
pub const AHEAD_AT_MOST: TimeDelta = TimeDelta::minutes(10);

/// Whether what lasts until then, or begins then, is over or has begun.
pub(super) fn has_come(at: impl ColumnTrait, now: DateTime<Utc>) -> Condition {
    Condition::any()
        .add(at.is_null())
        .add(at.lte(now))
        .add(at.gt(now + AHEAD_AT_MOST))
}

/// The other way round: it is set, and still to come.
pub(super) fn is_ahead(at: impl ColumnTrait, now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(at.gt(now))
        .add(at.lte(now + AHEAD_AT_MOST))
}

/// The same of one row.
pub(super) fn lasts(until: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    until.is_some_and(|until| now < until && until <= now + AHEAD_AT_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_clock_has_written_does_not_last() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let lasts_for = |seconds| lasts(Some(now + TimeDelta::seconds(seconds)), now);
        assert!(lasts_for(1) && lasts_for(600));
        assert!(!lasts_for(0) && !lasts_for(-1) && !lasts_for(601) && !lasts_for(7200));
        assert!(!lasts(None, now));
    }
}
