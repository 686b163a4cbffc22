//! The rhythm of a loop: a step, again at once while there is more to do, else after a pause that
//! the bell or the timer ends. A step that fails or panics is logged, and the loop goes on.
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Context;

/// What a step says when it is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// There is more to do.
    Now,
    /// Nothing to do until the bell rings or time has passed.
    Later,
}

/// When a loop looks again.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// Not sooner than this after a step that left nothing to do, whatever the bell says.
    pub least: Duration,
    /// At the latest after this.
    pub most: Duration,
    /// Whether the bell ends the pause.
    pub hears: bool,
}

impl Rhythm {
    /// Woken by the bell, and by the timer at the latest. The first ring after a quiet while is
    /// answered at once; while it rings all the time, a look every `least` sees as much as one at
    /// each ring would.
    #[must_use]
    pub fn heard(least: Duration, most: Duration) -> Self {
        Self {
            least: least.min(most),
            most,
            hears: true,
        }
    }

    /// Woken by the timer only.
    #[must_use]
    pub const fn timed(every: Duration) -> Self {
        Self {
            least: every,
            most: every,
            hears: false,
        }
    }
}

/// Takes steps until the shutdown; the step under way is finished.
pub async fn keep<S, F>(
    context: Context,
    shutdown: CancellationToken,
    name: &'static str,
    rhythm: Rhythm,
    step: S,
) where
    S: Fn(Context) -> F + Send,
    F: Future<Output = anyhow::Result<Again>> + Send + 'static,
{
    let mut bell = context.store.bell().listen();
    while !shutdown.is_cancelled() {
        // What has rung before the look is looked at; what rings from now on ends the pause.
        bell.borrow_and_update();
        let again = AbortOnDropHandle::new(tokio::spawn(step(context.clone()))).await;
        let pause = match again {
            Ok(Ok(Again::Now)) => continue,
            Ok(Ok(Again::Later)) => rhythm,
            Ok(Err(error)) => {
                tracing::error!(
                    name,
                    error = format!("{error:#}"),
                    "a loop goes on after a fault"
                );
                Rhythm::timed(rhythm.most)
            }
            Err(panic) => {
                tracing::error!(name, %panic, "a loop goes on after a panic");
                Rhythm::timed(rhythm.most)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = pause.wait(&mut bell) => {}
        }
    }
}

impl Rhythm {
    /// The pause between two steps.
    pub async fn wait(self, bell: &mut watch::Receiver<u64>) {
        tokio::time::sleep(self.least).await;
        let rest = tokio::time::sleep(self.most.saturating_sub(self.least));
        if !self.hears {
            return rest.await;
        }
        tokio::select! {
            () = rest => {}
            // The sender lives as long as the store that we hold.
            _ = bell.changed() => {}
        }
    }
}
