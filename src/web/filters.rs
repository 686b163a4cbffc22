//! How numbers and times are said on every page. Pure: the moment comes in as an argument.
//! The functions with words in them are for view structs; the `filter_fn`s are the same for
//! templates (`{{ size|bytes }}`, `{{ when|ago(shell.now) }}`).
#![expect(clippy::inline_always, reason = "askama's filter_fn writes it")]

use askama::{Values, filters::Safe};
use chrono::{DateTime, Datelike, TimeDelta, Utc};

/// Bytes in the units that plans are sold in (1 GB is 1000 MB): "2.14 GB", "310 MB", "12 kB".
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [
        (1_000_000_000_000, "TB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
    ];
    for (unit, name) in UNITS {
        if bytes >= unit {
            return two_or_none(bytes, unit, name);
        }
    }
    if bytes >= 1000 {
        format!("{} kB", bytes / 1000)
    } else {
        format!("{bytes} B")
    }
}

/// Two decimals from GB on (a quota is measured in them), whole numbers below.
fn two_or_none(bytes: u64, unit: u64, name: &str) -> String {
    if name == "MB" {
        return format!("{} MB", bytes / unit);
    }
    // Rounded down: 4.999 of 5 GB must not read as full.
    let hundredths = u128::from(bytes) * 100 / u128::from(unit);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

/// A count with a comma at each thousand: "18,204".
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut said = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            said.push(',');
        }
        said.push(digit);
    }
    said
}

/// "5 min ago" within a day, then the date; the year only where it is another one.
#[must_use]
pub fn since(when: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = now - when;
    if passed < TimeDelta::zero() || passed >= TimeDelta::days(1) {
        return date(when, now);
    }
    match (
        passed.num_hours(),
        passed.num_minutes(),
        passed.num_seconds(),
    ) {
        (0, 0, 0..=4) => "just now".to_owned(),
        (0, 0, seconds) => format!("{seconds} s ago"),
        (0, minutes, _) => format!("{minutes} min ago"),
        (hours, _, _) => format!("{hours} h ago"),
    }
}

/// "8 Dec", or "4 Feb 2024" in another year.
#[must_use]
pub fn date(when: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let form = if when.year() == now.year() {
        "%-d %b"
    } else {
        "%-d %b %Y"
    };
    when.format(form).to_string()
}

/// In full, for proofs and tool tips: "24 November 2026, 14:09:12 UTC".
#[must_use]
pub fn in_full(when: DateTime<Utc>) -> String {
    when.format("%-d %B %Y, %H:%M:%S UTC").to_string()
}

fn time_element(when: DateTime<Utc>, words: &str) -> Safe<String> {
    let machine = when.format("%Y-%m-%dT%H:%M:%SZ");
    Safe(format!(
        r#"<time datetime="{machine}" title="{}">{words}</time>"#,
        in_full(when)
    ))
}

/// `{{ used|bytes }}`
#[askama::filter_fn]
pub fn bytes(value: &u64, _: &dyn Values) -> askama::Result<String> {
    Ok(size(*value))
}

/// `{{ messages|count }}`
#[askama::filter_fn]
pub fn count(value: &u64, _: &dyn Values) -> askama::Result<String> {
    Ok(thousands(*value))
}

/// `{{ last_used|ago(shell.now) }}`, in a `<time>` that shows the moment in full.
#[askama::filter_fn]
pub fn ago(
    value: &DateTime<Utc>,
    _: &dyn Values,
    now: &DateTime<Utc>,
) -> askama::Result<Safe<String>> {
    Ok(time_element(*value, &since(*value, *now)))
}

/// `{{ kept_until|day(shell.now) }}`, in a `<time>`.
#[askama::filter_fn]
pub fn day(
    value: &DateTime<Utc>,
    _: &dyn Values,
    now: &DateTime<Utc>,
) -> askama::Result<Safe<String>> {
    Ok(time_element(*value, &date(*value, *now)))
}

/// `{{ switched_at|moment }}`, the whole moment, in a `<time>`.
#[askama::filter_fn]
pub fn moment(value: &DateTime<Utc>, _: &dyn Values) -> askama::Result<Safe<String>> {
    Ok(time_element(*value, &in_full(*value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    #[test]
    fn sizes_are_said_in_the_units_plans_are_sold_in() {
        for (bytes, said) in [
            (0, "0 B"),
            (999, "999 B"),
            (12_345, "12 kB"),
            (310_500_000, "310 MB"),
            (2_140_000_000, "2.14 GB"),
            (5_000_000_000, "5.00 GB"),
            (1_250_000_000_000, "1.25 TB"),
            (u64::MAX, "18446744.07 TB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn a_mailbox_that_is_not_full_never_reads_as_full() {
        assert_eq!(size(4_999_999_999), "4.99 GB");
    }

    #[test]
    fn counts_have_a_comma_at_each_thousand() {
        for (number, said) in [(0, "0"), (999, "999"), (1000, "1,000"), (18_204, "18,204")] {
            assert_eq!(thousands(number), said);
        }
        assert_eq!(thousands(1_234_567), "1,234,567");
    }

    #[test]
    fn within_a_day_it_is_said_how_long_ago_then_the_date() {
        let now = at("2026-11-24T14:31:40Z");
        for (when, said) in [
            ("2026-11-24T14:31:38Z", "just now"),
            ("2026-11-24T14:31:00Z", "40 s ago"),
            ("2026-11-24T14:26:40Z", "5 min ago"),
            ("2026-11-24T12:30:00Z", "2 h ago"),
            ("2026-11-23T14:31:41Z", "23 h ago"),
            ("2026-11-23T14:31:40Z", "23 Nov"),
            ("2024-02-04T09:00:00Z", "4 Feb 2024"),
            ("2026-12-08T14:31:00Z", "8 Dec"),
        ] {
            assert_eq!(since(at(when), now), said, "{when}");
        }
    }

    #[test]
    fn a_time_on_a_page_can_be_read_by_machines_and_in_full() {
        let when = at("2026-11-24T14:09:12Z");
        assert_eq!(
            time_element(when, "5 min ago").0,
            "<time datetime=\"2026-11-24T14:09:12Z\" title=\"24 November 2026, 14:09:12 UTC\">5 min ago</time>"
        );
    }
}
