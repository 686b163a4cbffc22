//! What a snapshot costs and how soon a new mailbox can be opened. Prints figures; run by hand:
//! `cargo test --test backends measure -- --ignored --nocapture --test-threads 1`, as root on the
//! machine of the stack, because the mail is put straight into its folders.
use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use pilothouse::domain::Protocol;
use pilothouse::domain::mailserver::{Change, DesiredMailbox};

use crate::support::{PASSWORD, Subject, real_info};

/// The uid and gid of Debian's `mail`, which owns all mail.
const MAIL: Option<u32> = Some(8);

async fn mailbox_of(subject: &Subject, count: usize, size: usize) -> DesiredMailbox {
    let mut desired = subject.desired("full");
    desired.quota_bytes = 0;
    let uid = subject.create(&desired).await;
    // The first message makes the folder.
    let first = b"Subject: first\r\n\r\n";
    subject.append(&desired.address, "INBOX", &[], first).await;
    let base = real_info().unwrap()["base"].as_str().unwrap().to_owned();
    let folder = PathBuf::from(base)
        .join("mail")
        .join(uid)
        .join("Maildir/cur");
    for n in 1..count {
        let head = format!("From: a@b.test\r\nSubject: number {n}\r\n\r\n");
        let line = "All work and no play makes a dull mailbox.\r\n";
        let lines = (size - head.len()) / line.len();
        let text = head + &line.repeat(lines);
        let name = format!("1700000000.M{n}P1.measure,S={0},W={0}:2,S", text.len());
        fs::write(folder.join(&name), text).unwrap();
        chown(folder.join(&name), MAIL, MAIL).unwrap();
    }
    desired
}

/// A line of this process's `/proc/self/status`, in kB.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

async fn survey(what: &str, subject: &Subject, desired: &DesiredMailbox) {
    // The server's own first look at the files is not ours.
    subject.usage(&desired.address).await;
    // 5 resets the peak (proc(5), clear_refs).
    fs::write("/proc/self/clear_refs", "5").unwrap();
    let start = Instant::now();
    let bodies = subject.snapshot(&desired.address, None).await;
    let first = start.elapsed();
    let peak = status("VmHWM:");
    let start = Instant::now();
    let marks = subject.snapshot(&desired.address, Some(&bodies)).await;
    let second = start.elapsed();
    assert_eq!(marks, bodies);
    let summary = bodies.summary();
    println!(
        "{what}: {} messages, {} bytes: bodies {first:?}, marks {second:?}, peak of the whole process {peak} kB",
        summary.messages, summary.bytes
    );
    let change = Change::Remove {
        address: desired.address.clone(),
        remote_id: subject
            .observe(&desired.address)
            .await
            .account
            .unwrap()
            .remote_id,
    };
    subject.server.apply(&change).await.unwrap();
}

#[tokio::test]
#[ignore = "prints figures"]
async fn ten_thousand_messages() {
    let subject = Subject::real().unwrap();
    let desired = mailbox_of(&subject, 10_000, 4_000).await;
    survey("10,000 of 4 kB", &subject, &desired).await;
}

#[tokio::test]
#[ignore = "prints figures"]
async fn a_mailbox_of_a_gigabyte_and_a_half() {
    let subject = Subject::real().unwrap();
    let desired = mailbox_of(&subject, 300, 5_000_000).await;
    survey("300 of 5 MB", &subject, &desired).await;
}

#[tokio::test]
#[ignore = "prints figures"]
async fn from_creation_to_login() {
    let subject = Subject::real().unwrap();
    let mut all: Vec<Duration> = Vec::new();
    for n in 0..20 {
        let desired = subject.desired(&format!("new{n}"));
        subject.put_domain(true).await;
        let start = Instant::now();
        subject
            .server
            .apply(&Change::Create(desired.clone()))
            .await
            .unwrap();
        subject
            .sign_in(&desired.address, Protocol::Imap, PASSWORD)
            .await
            .map(|_| ())
            .unwrap();
        all.push(start.elapsed());
    }
    all.sort();
    println!(
        "creation to IMAP login: median {:?}, most {:?}",
        all[10], all[19]
    );
}
