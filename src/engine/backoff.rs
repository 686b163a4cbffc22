//! How long to wait before the next try.
use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_mins(1);

/// After `failures` in a row: one second, doubled each time, at most a minute; a part of it, between
/// a half and the whole, so that not everybody comes back at the same moment. `jitter` is from 0 to
/// 1 and comes from the caller, so that a test can choose it.
#[must_use]
pub fn after(failures: u32, jitter: f64) -> Duration {
    let doubled = 1_u64 << failures.saturating_sub(1).min(6);
    let whole = Duration::from_secs(doubled).min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_minute() {
        let whole: Vec<u64> = (1..=9).map(|n| after(n, 1.0).as_secs()).collect();
        assert_eq!(whole, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(after(u32::MAX, 1.0), LONGEST);
    }

    #[test]
    fn the_jitter_takes_away_at_most_half() {
        assert_eq!(after(4, 0.0), Duration::from_secs(4));
        assert_eq!(after(4, 0.5), Duration::from_secs(6));
        assert_eq!(after(0, 0.0), Duration::from_millis(500));
    }
}
