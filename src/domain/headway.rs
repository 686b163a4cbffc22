//! How fast a batch goes and how long the rest takes, from what was finished lately. Honest: there
//! is no answer before enough was finished to tell, nor while nothing is.
use chrono::TimeDelta;

/// Only what was finished so lately tells how fast it goes now.
pub const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// Fewer than so many tell nothing.
const ENOUGH: u64 = 3;

/// Nor does a shorter time.
const LONG_ENOUGH: TimeDelta = TimeDelta::seconds(5);

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headway {
    /// Mailboxes in an hour.
    pub per_hour: u64,
    /// How long the rest takes at that rate.
    pub left: TimeDelta,
}

impl Headway {
    /// From how many were finished within a time, and how many are to go.
    #[must_use]
    pub fn of(finished: u64, within: TimeDelta, to_go: u64) -> Option<Self> {
        if finished < ENOUGH || within < LONG_ENOUGH || to_go == 0 {
            return None;
        }
        let millis = u64::try_from(within.num_milliseconds()).ok()?;
        let left = u128::from(millis) * u128::from(to_go) / u128::from(finished);
        Some(Self {
            per_hour: u64::try_from(u128::from(finished) * 3_600_000 / u128::from(millis)).ok()?,
            left: TimeDelta::milliseconds(i64::try_from(left).ok()?),
        })
    }

    /// "about 12 a minute", "about 5 an hour".
    #[must_use]
    pub fn rate(&self) -> String {
        match self.per_hour {
            n if n >= 7200 => format!("about {} a second", (n + 1800) / 3600),
            n if n >= 120 => format!("about {} a minute", (n + 30) / 60),
            n => format!("about {n} an hour"),
        }
    }

    /// "about 3 h 20 min left".
    #[must_use]
    pub fn time_left(&self) -> String {
        let seconds = self.left.num_seconds();
        match (seconds / 86_400, seconds / 3600, seconds / 60) {
            (0, 0, 0) => "less than a minute left".to_owned(),
            (0, 0, minutes) => format!("about {} min left", minutes + 1),
            (0, hours, minutes) => format!("about {hours} h {} min left", minutes % 60),
            (days, hours, _) => format!("about {days} d {} h left", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_before_there_is_a_rate() {
        let minute = TimeDelta::minutes(1);
        assert_eq!(Headway::of(0, minute, 100), None);
        assert_eq!(Headway::of(2, minute, 100), None);
        assert_eq!(Headway::of(50, TimeDelta::seconds(1), 100), None);
        assert_eq!(Headway::of(50, minute, 0), None);
    }

    #[test]
    fn the_rest_takes_as_long_as_it_does_at_this_rate() {
        let headway = Headway::of(60, TimeDelta::minutes(5), 120).unwrap();
        assert_eq!(headway.left, TimeDelta::minutes(10));
        assert_eq!(headway.rate(), "about 12 a minute");
        assert_eq!(headway.time_left(), "about 11 min left");
        let slow = Headway::of(3, TimeDelta::minutes(5), 400).unwrap();
        assert_eq!(
            (slow.rate().as_str(), slow.time_left().as_str()),
            ("about 36 an hour", "about 11 h 6 min left")
        );
        let fast = Headway::of(9000, TimeDelta::minutes(5), 10).unwrap();
        assert_eq!(
            (fast.rate().as_str(), fast.time_left().as_str()),
            ("about 30 a second", "less than a minute left")
        );
        let long = Headway::of(3, TimeDelta::minutes(5), 4000).unwrap();
        assert_eq!(long.time_left(), "about 4 d 15 h left");
    }
}
