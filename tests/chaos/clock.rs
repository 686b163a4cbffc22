//! The panel's clock, which jumps: libfaketime stands between the program and the time of day, and
//! reads how far off it is from a file. What measures durations goes on evenly, as on a machine
//! whose clock is set.
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fate::Blow;
use crate::panel::Panel;

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// Seconds, in turn.
const JUMPS: [&str; 6] = ["+90", "-90", "+7200", "-7200", "-3", "+3"];

/// The clock of one panel.
pub struct FalseClock {
    file: PathBuf,
    turn: AtomicUsize,
}

impl FalseClock {
    /// Right for now; the file is in this folder.
    pub fn new(folder: &std::path::Path) -> Self {
        assert!(
            std::path::Path::new(LIBRARY).exists(),
            "there is no {LIBRARY}: apt-get install faketime"
        );
        let clock = Self {
            file: folder.join("clock"),
            turn: AtomicUsize::default(),
        };
        clock.set("+0");
        clock
    }

    /// Gives a panel this clock.
    pub fn of(&self, panel: Panel) -> Panel {
        let file = self.file.to_string_lossy();
        panel
            .with("LD_PRELOAD", LIBRARY)
            .with("FAKETIME_TIMESTAMP_FILE", &file)
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
    }

    fn set(&self, offset: &str) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, format!("{offset}\n")).expect("the clock's file");
        std::fs::rename(new, &self.file).expect("the clock's file");
    }
}

impl Blow for FalseClock {
    fn name(&self) -> String {
        "jumps of the clock and back".to_owned()
    }

    fn down(&self) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.set(JUMPS[turn % JUMPS.len()]);
    }

    fn up(&self) {
        self.set("+0");
    }
}
