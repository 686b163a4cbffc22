//! When a batch begins: now, or at a time that was typed, by the customer's clock.
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::domain::Invalid;
use crate::domain::schedule::{self, Named};

/// What was chosen, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// At a time, not now.
    pub later: bool,
    /// `2026-11-24`.
    pub date: String,
    /// `22:00`.
    pub time: String,
}

impl When {
    /// Reads the three fields.
    #[must_use]
    pub fn read(when: Option<&str>, date: Option<&str>, time: Option<&str>) -> Self {
        Self {
            later: when == Some("later"),
            date: date.unwrap_or_default().trim().to_owned(),
            time: time.unwrap_or_default().trim().to_owned(),
        }
    }

    /// The moment by the clock of `zone`; `None` means now. Faults stand at `date` or `time`.
    pub fn moment(&self, zone: Tz, now: DateTime<Utc>) -> Result<Option<Named>, Invalid> {
        if !self.later {
            return Ok(None);
        }
        let named = schedule::named(zone, &self.date, &self.time)?;
        if named.at <= now {
            let said = "This time has passed. Enter one in the future, or begin now.";
            return Err(Invalid::field("date", said));
        }
        Ok(Some(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_by_the_customers_clock_and_must_lie_ahead() {
        let now: DateTime<Utc> = "2026-11-24T14:00:00Z".parse().unwrap();
        let zone = schedule::zone("Europe/Berlin");
        let at = |date, time| When::read(Some("later"), Some(date), Some(time)).moment(zone, now);
        let moment = at("2026-11-24", "22:00").unwrap().unwrap().at;
        assert_eq!(moment.to_rfc3339(), "2026-11-24T21:00:00+00:00");
        for (date, time) in [("2026-11-24", "15:00"), ("tomorrow", "22:00")] {
            assert!(
                at(date, time).unwrap_err().of("date").is_some(),
                "{date} {time}"
            );
        }
        assert!(at("2026-11-25", "").unwrap_err().of("time").is_some());
        let now = When::read(Some("now"), Some("x"), None).moment(zone, now);
        assert_eq!(now.unwrap(), None);
    }
}
