//! The mirror: what the scenarios count is done on purpose here, behind everybody's back, and each
//! counter must say so. A count of zero means nothing where one cannot be counted.
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::crossings::{MARKED, OF_PANEL};
use crate::database::{Database, Postgres};
use crate::figures::Faults;
use crate::gate::Gate;
use crate::hosting::{Customer, Mailbox};
use crate::ledger::{Entry, Sure};
use crate::letters::number;
use crate::panel::Panel;
use crate::run::Run;
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
        // The folder also holds mailboxes of earlier scenarios.
        let sound = customer.mailboxes.iter();
        let sound: Vec<PathBuf> = sound.flat_map(|one| sound_letters(&mail, one)).collect();
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn what_is_broken_behind_shut_doors_is_never_called_the_same() {
    let trial = Trial {
        rounds: 0,
        ..Trial::from_environment()
    };
    let stacks = Stack::two(&trial);
    let target = stacks[1].mail();
    let database = Database::Postgres(Postgres::new(&trial, "mirror").await);
    let panel = Panel::new(&trial, 0, &database.url());
    let (customer, script) = Customer::new(&panel, &stacks, 4).await;
    let run = Run::start(&trial, customer.clone(), script);
    let mut gate = Gate::new(&database.url(), &OF_PANEL).await;
    let old: Vec<usize> = (0..4)
        .filter(|n| customer.mailboxes[*n].began == 0)
        .collect();
    let [removed, altered] = old[..] else {
        panic!("two mailboxes begin on the first server, not {old:?}");
    };
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    for which in [removed, altered] {
        let mailbox = &customer.mailboxes[which];
        gate.shut(&MARKED.of(&mailbox.address)).await;
        let batch = run.convert(&[which]).await;
        gate.wait("marked").await;
        let sound = sound_letters(&target, mailbox);
        let letter = sound.first().expect("a letter that was copied");
        if which == removed {
            std::fs::remove_file(letter).expect("a letter");
        } else {
            let mut bytes = std::fs::read(letter).expect("a letter");
            let last = bytes.len() - 8;
            bytes[last] ^= 1;
            std::fs::write(letter, bytes).expect("a letter");
        }
        gate.open().await;
        run.follow(&batch, 1).await;
    }
    gate.remove().await;
    let struck = "a copy removed, another altered, behind shut doors".to_owned();
    let figures = run.reckoned("mirror of the comparison", struck).await;
    assert_eq!((figures.there, figures.gave_up), (0, 2), "{figures}");
    println!("{figures}");
    // A move that is given up after its doors had opened gives the mailbox back as it was before:
    // what its owner did in between, other than filing letters, is not carried back.
    let faults = Faults {
        flags_lost: 0,
        came_back: 0,
        renumbered: 0,
        ..figures.faults
    };
    assert_eq!(faults, Faults::default());
}

/// Files of letters of a mailbox that were taken, kept, and not deleted by their owner.
fn sound_letters(mail: &Path, mailbox: &Mailbox) -> Vec<PathBuf> {
    let to = format!("\nTo: <{}>", mailbox.address);
    let entries = mailbox.ledger.entries();
    let sound = |file: &PathBuf| {
        let letter = std::fs::read(file).unwrap_or_default();
        let kept = |entry: &Entry| entry.taken == Sure::Yes && entry.removed == Sure::No;
        String::from_utf8_lossy(&letter).contains(&to)
            && number(&letter).is_some_and(|n| entries.get(&n).is_some_and(kept))
    };
    letters(mail).into_iter().filter(sound).collect()
}

/// The files of all messages below a folder.
fn letters(mail: &Path) -> Vec<PathBuf> {
    let found = Command::new("find")
        .arg(mail)
        .args(["-path", "*/Maildir/*", "-type", "f", "-size", "+0"])
        .args(["(", "-path", "*/cur/*", "-o", "-path", "*/new/*", ")"])
        .output()
        .expect("find");
    let text = String::from_utf8_lossy(&found.stdout).into_owned();
    text.lines().map(PathBuf::from).collect()
}
