//! What strikes, and when: at moments that the seed chooses.
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::trial::Trial;

/// Something that can be struck down and put right again. Both may block.
pub trait Blow: Send + Sync {
    /// What is counted: `kills of the panel`.
    fn name(&self) -> String;

    /// Strikes it down.
    fn down(&self);

    /// Puts it right; does nothing when it is.
    fn up(&self);
}

/// How long it lives between two blows, and how long it stays down, in milliseconds.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// Between two blows.
    pub lives: Range<u64>,
    /// Until it is put right.
    pub stays_down: Range<u64>,
}

/// All blows of a scenario.
#[derive(Default)]
pub struct Fate {
    stop: CancellationToken,
    blows: JoinSet<String>,
}

impl Fate {
    /// One more thing that is struck, again and again, until the end.
    pub fn strikes(&mut self, trial: &Trial, what: Arc<dyn Blow>, rhythm: &Rhythm) {
        let dice = trial.dice(&what.name());
        let strike = strike(what, rhythm.clone(), dice, self.stop.clone());
        self.blows.spawn(strike);
    }

    /// No more blows: all is put right. Says how many there were.
    pub async fn ends(mut self) -> String {
        self.stop.cancel();
        let mut struck = vec![];
        while let Some(blow) = self.blows.join_next().await {
            struck.push(blow.expect("what strikes does not break"));
        }
        struck.sort();
        struck.join(", ")
    }
}

async fn strike(
    what: Arc<dyn Blow>,
    rhythm: Rhythm,
    mut dice: StdRng,
    stop: CancellationToken,
) -> String {
    let mut count = 0;
    while !stop.is_cancelled() {
        // Lives are short at times, so that it is also struck while it starts.
        let lives = match dice.random_range(0..4) {
            0 => dice.random_range(50..=rhythm.lives.start.max(51)),
            _ => dice.random_range(rhythm.lives.clone()),
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(lives)) => {}
            () = stop.cancelled() => break,
        }
        aside(&what, |what| what.down()).await.expect("a blow");
        count += 1;
        let down = Duration::from_millis(dice.random_range(rhythm.stays_down.clone()));
        tokio::time::sleep(down).await;
        aside(&what, |what| what.up()).await.expect("the way back");
    }
    aside(&what, |what| what.up()).await.expect("the way back");
    format!("{count} {}", what.name())
}

fn aside(what: &Arc<dyn Blow>, work: fn(&dyn Blow)) -> JoinHandle<()> {
    let what = what.clone();
    tokio::task::spawn_blocking(move || work(what.as_ref()))
}
