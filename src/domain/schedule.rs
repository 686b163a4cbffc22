//! Times of day where the customer is. Twice a year a clock shows an hour twice or not at all: what
//! is meant then is decided here, and said.
use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use super::Invalid;

/// The zone of that name in the IANA time zone database; UTC when there is none.
#[must_use]
pub fn zone(name: &str) -> Tz {
    name.parse().unwrap_or(Tz::UTC)
}

/// A moment that somebody named by their own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The moment.
    pub at: DateTime<Utc>,
    /// What to know about it, when the clocks change that night.
    pub note: Option<String>,
}

/// What the clock of `zone` calls `date` (`2026-11-24`), `time` (`02:00`). Faults stand at `date`
/// or `time`.
pub fn named(zone: Tz, date: &str, time: &str) -> Result<Named, Invalid> {
    let day = NaiveDate::parse_from_str(date, "%Y-%m-%d")
        .map_err(|_| Invalid::field("date", "Enter a day, such as 2026-11-24, or begin now."))?;
    let hour = NaiveTime::parse_from_str(time, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"))
        .map_err(|_| {
            Invalid::field(
                "time",
                format!("Enter a time of day in {zone}, such as 02:00."),
            )
        })?;
    let local = day.and_time(hour);
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) => Ok(Named {
            at: at.to_utc(),
            note: None,
        }),
        LocalResult::Ambiguous(first, second) => Ok(Named {
            at: first.to_utc(),
            note: Some(format!(
                "The clocks go back that night, so that {} comes twice in {zone}. The first is \
                 meant ({}); the second is {}.",
                local.format("%H:%M"),
                first.format("%H:%M %Z"),
                second.format("%H:%M %Z")
            )),
        }),
        LocalResult::None => {
            let at = after_the_gap(zone, local).ok_or_else(|| {
                Invalid::field(
                    "time",
                    format!("There is no such time in {zone} on that day."),
                )
            })?;
            Ok(Named {
                at: at.to_utc(),
                note: Some(format!(
                    "The clocks go forward that night, so that there is no {} in {zone}. It begins \
                     at {}.",
                    local.format("%H:%M"),
                    at.format("%H:%M %Z")
                )),
            })
        }
    }
}

/// The first quarter of an hour that exists after one that does not: every change of clocks in the
/// database ends on one.
fn after_the_gap(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Tz>> {
    let minute = i64::from(chrono::Timelike::minute(&local) % 15);
    let whole = local - TimeDelta::minutes(minute);
    (1..=100).find_map(|quarters| {
        let then = whole + TimeDelta::minutes(15 * quarters);
        zone.from_local_datetime(&then).earliest()
    })
}

/// "Tue 24 Nov 2026, 02:00 CET": a moment by the clock of `zone`, with its zone.
#[must_use]
pub fn said(zone: Tz, at: DateTime<Utc>) -> String {
    at.with_timezone(&zone)
        .format("%a %-d %b %Y, %H:%M %Z")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(zone: &str, date: &str, time: &str) -> (String, Option<String>) {
        let named = named(super::zone(zone), date, time).unwrap();
        (named.at.to_rfc3339(), named.note)
    }

    #[test]
    fn two_at_night_is_two_at_night_where_the_customer_is() {
        let berlin = at("Europe/Berlin", "2026-11-24", "02:00");
        assert_eq!(berlin, ("2026-11-24T01:00:00+00:00".to_owned(), None));
        let here = at("UTC", "2026-11-24", "02:00");
        assert_eq!(here, ("2026-11-24T02:00:00+00:00".to_owned(), None));
        let india = at("Asia/Kolkata", "2026-11-24", "02:00");
        assert_eq!(india.0, "2026-11-23T20:30:00+00:00");
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_first_and_says_so() {
        let (moment, note) = at("Europe/Berlin", "2026-10-25", "02:30");
        assert_eq!(moment, "2026-10-25T00:30:00+00:00");
        let note = note.unwrap();
        assert!(
            note.contains("comes twice") && note.contains("CEST"),
            "{note}"
        );
    }

    #[test]
    fn an_hour_that_does_not_come_is_the_end_of_the_gap_and_says_so() {
        let (moment, note) = at("Europe/Berlin", "2026-03-29", "02:30");
        assert_eq!(moment, "2026-03-29T01:00:00+00:00");
        assert!(note.unwrap().contains("begins at 03:00 CEST"));
        // Half an hour only: Lord Howe Island, 2026-10-04, 02:00 to 02:30.
        let (moment, note) = at("Australia/Lord_Howe", "2026-10-04", "02:10");
        assert_eq!(moment, "2026-10-03T15:30:00+00:00");
        assert!(note.is_some());
    }

    #[test]
    fn a_moment_is_said_with_its_zone() {
        let moment = "2026-07-01T00:00:00Z".parse().unwrap();
        assert_eq!(
            said(zone("Europe/Berlin"), moment),
            "Wed 1 Jul 2026, 02:00 CEST"
        );
        assert_eq!(said(zone("nowhere"), moment), "Wed 1 Jul 2026, 00:00 UTC");
        assert!(
            named(Tz::UTC, "tomorrow", "02:00")
                .unwrap_err()
                .of("date")
                .is_some()
        );
        assert!(
            named(Tz::UTC, "2026-11-24", "")
                .unwrap_err()
                .of("time")
                .is_some()
        );
    }
}
