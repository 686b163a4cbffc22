//! The mirror: what the scenarios count is done on purpose here, behind everybody's back, and each
//! counter must say so. A count of zero means nothing where one cannot be counted.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::figures::Faults;
use crate::ledger::{Entry, Sure};
use crate::letters::number;
use crate::scene::{Kept, Scene};
use crate::stack::Stack;
use crate::trial::Trial;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn what_is_broken_on_purpose_is_counted() {
    let trial = Trial {
        time: std::time::Duration::from_secs(8),
        rounds: 4,
        ..Trial::from_environment()
    };
    let stack = Stack::up(&trial, 1);
    let mail = stack.mail();
    let scene = Scene::new(trial, Kept::Sqlite, 1, vec![stack], |panel| panel).await;
    let customer = scene.run.customer.clone();
    let figures = scene.sabotaged(|| {
        // Letters that were taken, kept, and not deleted by their owner.
        let sound = letters(&mail).into_iter().filter(|file| {
            let letter = std::fs::read(file).unwrap_or_default();
            let text = String::from_utf8_lossy(&letter);
            let to = |address: &str| text.contains(&format!("\nTo: <{address}>"));
            // The folder also holds mailboxes of earlier scenarios.
            let ours = customer.mailboxes.iter().find(|one| to(&one.address));
            let (Some(mailbox), Some(n)) = (ours, number(&letter)) else {
                return false;
            };
            let entries = mailbox.ledger.entries();
            let kept = |entry: &Entry| entry.taken == Sure::Yes && entry.removed == Sure::No;
            entries.get(&n).is_some_and(kept)
        });
        let sound: Vec<PathBuf> = sound.collect();
        let [lost, doubled, ..] = &sound[..] else {
            panic!("too few letters to break: {}", sound.len());
        };
        std::fs::remove_file(lost).expect("a letter");
        let twin = doubled.with_file_name("1700000000.M1P1.mirror:2,");
        let copied = Command::new("cp").arg("-p").arg(doubled).arg(twin).status();
        assert!(copied.expect("cp").success());
    });
    let figures = figures.await;
    println!("mirror: {figures}");
    let expected = Faults {
        lost: 1,
        doubled: 1,
        ..Faults::default()
    };
    assert_eq!(figures.faults, expected);
}

/// The files of all messages in the inboxes below a folder.
fn letters(mail: &Path) -> Vec<PathBuf> {
    let found = Command::new("find")
        .arg(mail)
        .args(["-path", "*/Maildir/cur/*", "-type", "f"])
        .output()
        .expect("find");
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    text.lines().map(PathBuf::from).collect()
}
