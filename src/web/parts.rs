//! One whole and its parts, as a bar of rectangles with a legend: "31 done, 4 working, 1 failed".
//! Widths are numbers for SVG attributes, because the pages carry no inline style.

use super::{filters, shell::Tone};

/// One part: how many, what they are, and where one sees them.
#[derive(Debug, Clone)]
pub struct Part {
    pub tone: Tone,
    pub count: u64,
    /// "done", "failed, switched back".
    pub noun: String,
    /// Where the number leads; empty when there is no such page.
    pub href: String,
}

impl Part {
    #[must_use]
    pub fn number(&self) -> String {
        filters::thousands(self.count)
    }
}

/// A rectangle of the bar, in percent of its width.
#[derive(Debug, PartialEq, Eq)]
pub struct Rect {
    pub tone: Tone,
    pub x: String,
    pub width: String,
}

/// The parts, in the order in which they stand in the bar.
#[derive(Debug, Clone)]
pub struct Parts(pub Vec<Part>);

impl Parts {
    /// The bar in words, for those who cannot see it.
    #[must_use]
    pub fn label(&self) -> String {
        let words: Vec<String> = self
            .shown()
            .map(|part| format!("{} {}", part.number(), part.noun))
            .collect();
        words.join(", ")
    }

    /// Those that are not nought.
    pub fn shown(&self) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(|part| part.count > 0)
    }

    /// The bar; empty when nothing is counted.
    #[must_use]
    pub fn rects(&self) -> Vec<Rect> {
        let whole: u64 = self.0.iter().map(|part| part.count).sum();
        let mut before = 0;
        let mut rects = Vec::new();
        for part in self.shown() {
            let (x, width) = (percent(before, whole), percent(part.count, whole));
            rects.push(Rect {
                tone: part.tone,
                x,
                width,
            });
            before += part.count;
        }
        rects
    }
}

/// Two decimals, by whole numbers: a million parts still meet without a gap.
fn percent(count: u64, whole: u64) -> String {
    let hundredths = u128::from(count) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(counts: &[(Tone, u64, &str)]) -> Parts {
        let part = |&(tone, count, noun): &(Tone, u64, &str)| Part {
            tone,
            count,
            noun: noun.to_owned(),
            href: String::new(),
        };
        Parts(counts.iter().map(part).collect())
    }

    #[test]
    fn the_parts_fill_the_bar_and_noughts_are_left_out() {
        let parts = parts(&[
            (Tone::Good, 31, "done"),
            (Tone::Bad, 0, "failed"),
            (Tone::Wait, 19, "queued"),
        ]);
        assert_eq!(parts.label(), "31 done, 19 queued");
        let rect = |tone, x: &str, width: &str| Rect {
            tone,
            x: x.to_owned(),
            width: width.to_owned(),
        };
        assert_eq!(
            parts.rects(),
            [
                rect(Tone::Good, "0.00", "62.00"),
                rect(Tone::Wait, "62.00", "38.00")
            ]
        );
    }

    #[test]
    fn nothing_counted_draws_nothing() {
        assert!(parts(&[(Tone::Good, 0, "done")]).rects().is_empty());
        assert!(parts(&[]).label().is_empty());
    }
}
