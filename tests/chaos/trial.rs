//! What a run is told from outside, and where its random choices come from.
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// What this run is told.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Where every random choice comes from.
    pub seed: u64,
    /// How many conversions a scenario carries out, unless its time is over before.
    pub rounds: usize,
    /// How long it goes on with them at most.
    pub time: Duration,
    /// Where the stacks, the databases and the logs are.
    pub folder: PathBuf,
    /// The first of the ports; two stacks take a thousand each.
    pub ports: u16,
    /// The program that is tried; another one than was built with this is one that was broken on
    /// purpose.
    pub program: PathBuf,
}

impl Trial {
    /// Reads `PILOTHOUSE_CHAOS_SEED`, `_ROUNDS`, `_MINUTES`, `_DIR`, `_PORT_BASE` and `_PROGRAM`.
    pub fn from_environment() -> Self {
        let seed = number("SEED").unwrap_or_else(rand::random);
        let folder = variable("DIR").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("var/chaos"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).expect("a folder");
        let seconds = variable("MINUTES").map_or(45.0, |text| {
            60.0 * text.parse::<f64>().expect("PILOTHOUSE_CHAOS_MINUTES")
        });
        Self {
            seed,
            rounds: number("ROUNDS").map_or(40, |n| usize::try_from(n).expect("a small number")),
            time: Duration::from_secs_f64(seconds),
            folder: folder.canonicalize().expect("a folder"),
            program: variable("PROGRAM")
                .unwrap_or_else(|| env!("CARGO_BIN_EXE_pilothouse").to_owned())
                .into(),
            ports: number("PORT_BASE").map_or(26_000, |n| u16::try_from(n).expect("a port")),
        }
    }

    /// The choices of one part, which do not depend on how far the others are.
    pub fn dice(&self, part: &str) -> StdRng {
        let mut hasher = DefaultHasher::new();
        (self.seed, part).hash(&mut hasher);
        StdRng::seed_from_u64(hasher.finish())
    }
}

fn number(name: &str) -> Option<u64> {
    let text = variable(name)?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("PILOTHOUSE_CHAOS_{name} is {text}, not a number")))
}

#[expect(
    clippy::disallowed_methods,
    reason = "settings.rs is the panel's; this is how a run is told what to do"
)]
fn variable(name: &str) -> Option<String> {
    let value = std::env::var(format!("PILOTHOUSE_CHAOS_{name}")).ok();
    value.filter(|text| !text.is_empty())
}
