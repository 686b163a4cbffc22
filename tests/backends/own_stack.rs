//! What needs a mail stack of its own, because something in it is struck down.
//!
//! It is brought up at `PILOTHOUSE_TEST_OWN_PORT_BASE` (37000), in a folder of its own.
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pilothouse::domain::mailserver::DesiredMailbox;
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;

use crate::routes::{gets_in, route};
use crate::slow;
use crate::support::{Subject, real_info};

/// A stack that is gone when this is dropped.
struct Own {
    folder: PathBuf,
    port_base: String,
}

impl Own {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test run is told its ports"
    )]
    fn up() -> Option<Self> {
        real_info()?;
        let port_base = std::env::var("PILOTHOUSE_TEST_OWN_PORT_BASE");
        let own = Self {
            folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-stack"),
            port_base: port_base.unwrap_or_else(|_| "37000".to_owned()),
        };
        own.stack(&["wipe"]);
        own.stack(&["up"]);
        Some(own)
    }

    fn stack(&self, command: &[&str]) {
        let done = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mailstack/stack.sh"))
            .args(command)
            .env("BASE", &self.folder)
            .env("PORT_BASE", &self.port_base)
            .output()
            .unwrap();
        let wrong = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{command:?}: {wrong}");
    }

    fn info(&self) -> serde_json::Value {
        let text = std::fs::read_to_string(self.folder.join("info.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// As a crash would: nobody notes that it is gone.
    fn kill_the_follower(&self) {
        let pid = std::fs::read_to_string(self.folder.join("run/front-forwards.pid")).unwrap();
        let killed = Command::new("kill").args(["-KILL", pid.trim()]).status();
        assert!(killed.unwrap().success());
    }

    fn in_the_directory(&self, sql: &str) {
        self.stack(&["psql", "directory", "-c", sql]);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stack(&["wipe"]);
            return;
        }
        // Its logs may say why.
        self.stack(&["down"]);
    }
}

/// What is logged in this thread.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Logged {
    fn warnings(&self) -> usize {
        let said = self.0.lock().unwrap();
        let said = String::from_utf8_lossy(&said);
        said.matches("the front door did not take over within 5 s")
            .count()
    }
}

async fn told(
    subject: &Subject,
    of: &DesiredMailbox,
    generation: i64,
    elsewhere: bool,
) -> Duration {
    let begun = Instant::now();
    let one = route(of, generation, elsewhere);
    subject.server.route(&[one]).await.unwrap();
    begun.elapsed()
}

#[tokio::test]
async fn a_front_door_that_follows_nobody_holds_a_route_up_for_five_seconds_and_none_not_at_all() {
    let Some(own) = Own::up() else { return };
    let subject = Subject::at(own.info());
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let ann = subject.desired("ann");
    subject.create(&ann).await;
    let took = told(&subject, &ann, 2, true).await;
    assert!(took < Duration::from_secs(5), "{took:?} with a follower");
    assert_eq!(logged.warnings(), 0);
    told(&subject, &ann, 3, false).await;

    own.kill_the_follower();
    let took = told(&subject, &ann, 4, true).await;
    let limit = Duration::from_secs(5)..Duration::from_secs(9);
    assert!(
        limit.contains(&took),
        "{took:?} after the follower was killed"
    );
    assert_eq!(logged.warnings(), 1);
    // All the same it holds for everything but the front door.
    assert!(!gets_in(&subject, &ann).await);

    own.in_the_directory("UPDATE forwards_changes SET taken = NULL");
    let took = told(&subject, &ann, 5, false).await;
    assert!(
        took < Duration::from_secs(3),
        "{took:?} where nothing follows"
    );
    assert_eq!(logged.warnings(), 1);
    assert!(gets_in(&subject, &ann).await);
    what_is_given_up_leaves_nothing_open(&own, &ann).await;
}

/// A panel that is cut off at each point of telling a route: no transaction stays open in the
/// directory, where it would hold locks, and hide what the next one writes.
async fn what_is_given_up_leaves_nothing_open(own: &Own, ann: &DesiredMailbox) {
    let mut info = own.info();
    let directory = info["directory_url"].as_str().unwrap().to_owned();
    let mut door = PgConnection::connect(&directory).await.unwrap();
    info["directory_url"] = slow::before(&directory).await.into();
    let subject = Subject::at(info);
    let (mut through, mut given_up) = (false, 0);
    for n in 0..100 {
        let routes = [route(ann, 6 + n, false)];
        let limit = slow::LATE * u32::try_from(n).unwrap() / 3;
        through = timeout(limit, subject.server.route(&routes)).await.is_ok();
        if through {
            break;
        }
        given_up += 1;
        let mut left = 1;
        for _ in 0..50 {
            tokio::time::sleep(slow::LATE).await;
            let open = "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user \
                        AND state LIKE 'idle in transaction%'";
            left = sqlx::query_scalar(open).fetch_one(&mut door).await.unwrap();
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0_i64, "given up after {limit:?}");
    }
    assert!(through && given_up > 9, "given up {given_up} times");
}
