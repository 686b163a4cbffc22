//! When a batch begins: now, or at a time that was typed, in UTC.
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::domain::Invalid;

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

    /// The moment; `None` means now.
    pub fn moment(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Invalid> {
        if !self.later {
            return Ok(None);
        }
        let fault = |said| Invalid::field("date", said);
        let date = NaiveDate::parse_from_str(&self.date, "%Y-%m-%d")
            .map_err(|_| fault("Enter a day, such as 2026-11-24, or begin now."))?;
        let time = NaiveTime::parse_from_str(&self.time, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(&self.time, "%H:%M:%S"))
            .map_err(|_| fault("Enter a time of day in UTC, such as 22:00."))?;
        let moment = date.and_time(time).and_utc();
        if moment <= now {
            return Err(fault(
                "This time has passed. Enter one in the future, or begin now.",
            ));
        }
        Ok(Some(moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_utc_and_must_lie_ahead() {
        let now: DateTime<Utc> = "2026-11-24T14:00:00Z".parse().unwrap();
        let at = |date, time| When::read(Some("later"), Some(date), Some(time)).moment(now);
        assert_eq!(
            at("2026-11-24", "22:00").unwrap().unwrap().to_rfc3339(),
            "2026-11-24T22:00:00+00:00"
        );
        for (date, time) in [
            ("2026-11-24", "14:00"),
            ("tomorrow", "22:00"),
            ("2026-11-25", ""),
        ] {
            assert!(
                at(date, time).unwrap_err().of("date").is_some(),
                "{date} {time}"
            );
        }
        assert_eq!(
            When::read(Some("now"), Some("x"), None)
                .moment(now)
                .unwrap(),
            None
        );
    }
}
