//! What a scenario came to, on one line, and whether that is what was promised.
use std::fmt;

/// The figures of one scenario.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// What was done to it.
    pub scenario: String,
    /// Where its choices came from.
    pub seed: u64,
    /// Seconds.
    pub seconds: u64,
    /// Conversions to Exchange, and back.
    pub there: usize,
    /// See above.
    pub back: usize,
    /// Conversions that were given up, the mailbox being as before.
    pub gave_up: usize,
    /// How often it struck, and what that was: `17 kills`.
    pub struck: String,
    /// Letters that a server took over.
    pub taken: usize,
    /// Letters whose answer got lost.
    pub perhaps: usize,
    /// Letters whose flags were confirmed at least once.
    pub flagged: usize,
    /// Removals that were confirmed.
    pub removed: usize,
    /// The longest time that an owner did not get in, in seconds.
    pub longest_out: f64,
    /// Letters that the mail server itself delivered twice, each time with a mark of its own.
    pub delivered_twice: usize,
    /// Letters under another UID after moves, as a receipt said.
    pub said_renumbered: usize,
    /// What must not be.
    pub faults: Faults,
}

/// What must not be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Letters that are gone.
    pub lost: usize,
    /// Letters that are there more than once.
    pub doubled: usize,
    /// Letters with other bytes.
    pub altered: usize,
    /// Letters with flags that nobody set.
    pub flags_lost: usize,
    /// Letters that are there though their removal was confirmed.
    pub came_back: usize,
    /// Letters that nobody wrote.
    pub strange: usize,
    /// Letters under another UID, of which no receipt said so.
    pub renumbered: usize,
    /// Conversions that did not end.
    pub stuck: usize,
    /// Mailboxes that did not become ready again.
    pub not_ready: usize,
    /// Protocols that are open and should not be, or the other way round.
    pub doors_wrong: usize,
    /// Conversions without a receipt that says nothing was lost.
    pub without_receipt: usize,
}

impl Figures {
    /// Prints the line, keeps it beside the logs, and fails when something is not as promised.
    pub fn told(&self, folder: &std::path::Path) {
        use std::io::Write as _;
        println!("{self}");
        let mut open = std::fs::OpenOptions::new();
        let file = open
            .create(true)
            .append(true)
            .open(folder.join("figures.txt"));
        writeln!(file.expect("a file for figures"), "{self}").expect("a line");
        assert_eq!(self.faults, Faults::default(), "seed {}", self.seed);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scenario,
            seed,
            seconds,
            there,
            back,
            struck,
            ..
        } = self;
        write!(
            f,
            "chaos: {scenario}, seed {seed}, {seconds} s: {} conversions ({there} there, {back} \
             back, {} given up), {struck}; {} letters taken, {} unanswered, {} flagged, {} removed, \
             {} delivered twice by the server, {} renumbered as said, owner out for {:.1} s at \
             most; ",
            there + back,
            self.gave_up,
            self.taken,
            self.perhaps,
            self.flagged,
            self.removed,
            self.delivered_twice,
            self.said_renumbered,
            self.longest_out,
        )?;
        write!(f, "{}", self.faults)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lost, {} doubled, {} altered, {} flags lost, {} came back, {} strange, {} \
             renumbered, {} stuck, {} not ready, {} doors wrong, {} without receipt",
            self.lost,
            self.doubled,
            self.altered,
            self.flags_lost,
            self.came_back,
            self.strange,
            self.renumbered,
            self.stuck,
            self.not_ready,
            self.doors_wrong,
            self.without_receipt
        )
    }
}
