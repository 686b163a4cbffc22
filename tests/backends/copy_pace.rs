//! How fast a mailbox is copied, beside `doveadm sync` and a plain copy of its files; printed by
//! `make bench`. Needs root on the machine of both stacks: mail is put straight into folders, and
//! doveadm is Dovecot's own, on the target's machine, writing to its store without IMAP.
use std::collections::VecDeque;
use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use pilothouse::backends::imap::copy::{self, End, Limits};
use pilothouse::domain::EmailAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{MemoryLedger, Subject, real_info_at};

/// The uid and gid of Debian's `mail`, which owns all mail.
const MAIL: Option<u32> = Some(8);
/// Folders and how many of a thousand messages each holds.
const FOLDERS: [(&str, u64); 12] = [
    ("INBOX", 300),
    ("Sent", 150),
    ("Archive", 55),
    ("Drafts", 55),
    ("Junk", 55),
    ("Trash", 55),
    ("2021", 55),
    ("2022", 55),
    ("2023", 55),
    ("2024", 55),
    ("2025", 55),
    ("Projects", 55),
];

/// Numbers that are the same in every run (xorshift64*, Vigna 2016).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// 1 kB to 200 kB, 26 kB on average: most are small.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "sizes for a benchmark"
    )]
    fn size(&mut self) -> usize {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        (1_000.0 + 199_000.0 * unit.powf(6.82)) as usize
    }
}

struct Mailbox {
    subject: Subject,
    address: EmailAddress,
    maildir: PathBuf,
}

impl Mailbox {
    async fn new(subject: Subject, variable: &str) -> Self {
        let mut desired = subject.desired("pace");
        desired.quota_bytes = 0;
        let uid = subject.create(&desired).await;
        let base = real_info_at(variable).unwrap()["base"]
            .as_str()
            .unwrap()
            .to_owned();
        let maildir = PathBuf::from(base).join("mail").join(uid).join("Maildir");
        Self {
            subject,
            address: desired.address,
            maildir,
        }
    }

    async fn source() -> Self {
        Self::new(Subject::real().unwrap(), "PILOTHOUSE_TEST_STACK_INFO").await
    }

    async fn target() -> Self {
        Self::new(Subject::second().unwrap(), "PILOTHOUSE_TEST_STACK2_INFO").await
    }

    fn end(&self) -> End {
        End {
            login: self.subject.server.mail_door(&self.address).unwrap(),
            numbering: self.subject.server.numbering(&self.address),
        }
    }

    /// Puts messages into a folder as the server would.
    async fn fill(&self, folder: &str, sizes: impl Iterator<Item = usize>) -> u64 {
        let first = b"Subject: first\r\n\r\n";
        self.subject.append(&self.address, folder, &[], first).await;
        let sub = if folder == "INBOX" {
            String::new()
        } else {
            format!(".{folder}")
        };
        let cur = self.maildir.join(sub).join("cur");
        let mut bytes = 0;
        let line = "All work and no play makes a dull mailbox, says the proverb of old.\r\n";
        for (n, size) in sizes.enumerate() {
            let head = format!("From: a@b.test\r\nSubject: number {n} of {folder}\r\n\r\n");
            let text = head + &line.repeat(size / line.len());
            let name = format!(
                "{}.M{n}P1.pace,S={1},W={1}:2,S",
                1_700_000_000 + n,
                text.len()
            );
            fs::write(cur.join(&name), &text).unwrap();
            chown(cur.join(&name), MAIL, MAIL).unwrap();
            bytes += text.len() as u64;
        }
        bytes
    }

    /// The server's own first look at the files is nobody's.
    async fn look(&self) {
        self.subject.usage(&self.address).await;
        self.subject.snapshot(&self.address, None).await;
    }

    fn remove(&self) {
        fs::remove_dir_all(&self.maildir).unwrap();
    }
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

/// Passes connections on, each byte `delay` later.
async fn delayed(to: String, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&to).await.unwrap();
            for stream in [&near, &far] {
                stream.set_nodelay(true).unwrap();
            }
            let (near_from, near_to) = near.into_split();
            let (far_from, far_to) = far.into_split();
            tokio::spawn(later(near_from, far_to, delay));
            tokio::spawn(later(far_from, near_to, delay));
        }
    });
    place
}

async fn later(
    mut from: impl AsyncReadExt + Unpin + Send + 'static,
    mut to: impl AsyncWriteExt + Unpin + Send + 'static,
    delay: Duration,
) {
    // 128 pieces of up to 64 kB are under way: no narrow line, only a long one.
    let (sender, mut pieces) = tokio::sync::mpsc::channel::<(tokio::time::Instant, Vec<u8>)>(128);
    tokio::spawn(async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let due = tokio::time::Instant::now() + delay;
        if sender.send((due, buffer[..read].to_vec())).await.is_err() {
            return;
        }
    }
}

/// What one way took.
struct Run {
    name: String,
    seconds: f64,
}

struct Bench {
    source: Mailbox,
    messages: u64,
    runs: Vec<Run>,
    /// What was copied stays until everything is measured: ext4 looks for a new file's number among
    /// those of files just removed, which makes the next copy several times slower.
    targets: Vec<Mailbox>,
}

impl Bench {
    fn new(source: Mailbox, messages: u64) -> Self {
        Self {
            source,
            messages,
            runs: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// A mailbox to copy into, with nothing left to write of what was copied before.
    async fn target() -> Mailbox {
        let target = Mailbox::target().await;
        assert!(Command::new("sync").status().unwrap().success());
        target
    }

    fn tidy(self) {
        self.source.remove();
        for target in self.targets {
            target.remove();
        }
    }

    fn tell(&mut self, name: &str, seconds: f64, more: &str) {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = self.messages as f64 / seconds;
        println!("{name:<48} {seconds:>7.1} s {rate:>7.0} messages/s {more}");
        self.runs.push(Run {
            name: name.to_owned(),
            seconds,
        });
    }

    /// Of the fastest runs of each.
    fn ratio(&self, ours: &str, theirs: &str) {
        let of = |name: &str| {
            let runs = self.runs.iter().filter(|run| run.name == name);
            runs.map(|run| run.seconds).fold(f64::INFINITY, f64::min)
        };
        println!(
            "ratio: {ours} is {:.2} times {theirs}",
            of(theirs) / of(ours)
        );
    }

    /// A plain copy of the files.
    async fn files(&mut self) {
        let target = Self::target().await;
        fs::create_dir_all(target.maildir.parent().unwrap()).unwrap();
        let start = Instant::now();
        let mut copy = Command::new("cp");
        let copied = copy
            .arg("-a")
            .arg(&self.source.maildir)
            .arg(&target.maildir)
            .status();
        assert!(copied.unwrap().success());
        self.tell("files, cp -a", start.elapsed().as_secs_f64(), "");
        self.targets.push(target);
    }

    /// `doveadm sync` on the target's machine, which reads the source over IMAP.
    async fn doveadm(&mut self, name: &str, place: &str, tuned: &[&str]) {
        let target = Self::target().await;
        let end = self.source.end();
        let info = real_info_at("PILOTHOUSE_TEST_STACK2_INFO").unwrap();
        let (host, port) = place.rsplit_once(':').unwrap();
        let password =
            real_info_at("PILOTHOUSE_TEST_STACK_INFO").unwrap()["master_password"].clone();
        let mut doveadm = Command::new("doveadm");
        let config = format!(
            "{}/etc/dovecot/dovecot.conf",
            info["base"].as_str().unwrap()
        );
        doveadm.args(["-c", &config]);
        let settings = [
            format!("imapc_host={host}"),
            format!("imapc_port={port}"),
            format!("imapc_user={}", end.login.user),
            format!("imapc_password={}", password.as_str().unwrap()),
        ];
        for setting in settings
            .iter()
            .map(String::as_str)
            .chain(tuned.iter().copied())
        {
            doveadm.args(["-o", setting]);
        }
        doveadm.args(["sync", "-1", "-R", "-u", target.address.as_str(), "imapc:"]);
        let start = Instant::now();
        let done = tokio::task::spawn_blocking(move || doveadm.output())
            .await
            .unwrap()
            .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        self.tell(name, seconds, "");
        self.targets.push(target);
    }

    async fn ours(&mut self, name: &str, places: Option<(&str, &str)>, connections: usize) {
        let target = Self::target().await;
        let (mut from, mut to) = (self.source.end(), target.end());
        if let Some((source, target)) = places {
            source.clone_into(&mut from.login.place);
            target.clone_into(&mut to.login.place);
        }
        let ledger = MemoryLedger::default();
        let limits = Limits {
            connections,
            ..Limits::default()
        };
        // 5 resets the peak (proc(5), clear_refs).
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let start = Instant::now();
        let pass = copy::pass(&from, &to, &ledger, &limits, &|_| {})
            .await
            .unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let peak = status("VmHWM:");
        assert_eq!(pass.copied, self.messages);
        self.tell(name, seconds, &format!("peak {} MB", peak / 1024));
        let delta = copy::pass(&from, &to, &ledger, &limits, &|_| {})
            .await
            .unwrap();
        assert_eq!(delta.changes(), 0);
        println!(
            "{:<48} {:>7.3} s",
            "  a pass with nothing to do",
            delta.took.as_secs_f64()
        );
        if places.is_none() {
            let verified = copy::verify(&target.end(), &ledger, &|_| {}).await.unwrap();
            assert_eq!(verified.comparison.differences, Vec::<String>::new());
        }
        self.targets.push(target);
    }
}

const TUNED: [&str; 2] = [
    "mail_prefetch_count=50",
    "imapc_features=rfc822.size fetch-headers fetch-bodystructure",
];

const LOOPBACK: [&str; 2] = [
    "ours, 4 connections to each side",
    "doveadm sync over imapc, tuned",
];
const FAR: [&str; 2] = [
    "ours, 20 ms to each side",
    "doveadm, tuned, 20 ms to the source",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "figures, not a verdict; make bench runs it"]
async fn a_mailbox_is_copied() {
    let source = Mailbox::source().await;
    let mut seeded = Seeded(20_261_124);
    let (mut messages, mut bytes) = (0, 0);
    for (folder, share) in FOLDERS {
        let sizes: Vec<_> = (1..20 * share).map(|_| seeded.size()).collect();
        messages += sizes.len() as u64 + 1;
        bytes += source.fill(folder, sizes.into_iter()).await;
    }
    source.look().await;
    println!(
        "{messages} messages, {} MB, {} folders",
        bytes / 1_000_000,
        FOLDERS.len()
    );
    let plain = source.end().login.place;
    let delay = Duration::from_millis(10);
    let far_source = delayed(plain.clone(), delay).await;
    let far_target = delayed(Mailbox::target().await.end().login.place, delay).await;

    let mut bench = Bench::new(source, messages);
    bench.files().await;
    bench.doveadm("doveadm sync over imapc", &plain, &[]).await;
    bench.ours("ours, 1 connection to each side", None, 1).await;
    // In turns, so that neither has the machine at a better hour.
    for _ in 0..2 {
        bench.doveadm(LOOPBACK[1], &plain, &TUNED).await;
        bench.ours(LOOPBACK[0], None, 4).await;
    }
    bench.ratio(LOOPBACK[0], LOOPBACK[1]);
    bench.ratio(LOOPBACK[0], "files, cp -a");
    let far = Some((far_source.as_str(), far_target.as_str()));
    for _ in 0..2 {
        bench.doveadm(FAR[1], &far_source, &TUNED).await;
        bench.ours(FAR[0], far, 4).await;
    }
    bench.ratio(FAR[0], FAR[1]);
    bench.tidy();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "figures, not a verdict; make bench runs it"]
async fn a_gigabyte_in_large_messages_is_copied() {
    let source = Mailbox::source().await;
    let sizes: VecDeque<usize> = [50_000_000; 20].into();
    let bytes = source.fill("INBOX", sizes.into_iter()).await;
    source.look().await;
    println!("21 messages, {} MB", bytes / 1_000_000);
    let mut bench = Bench::new(source, 21);
    bench.ours("ours, messages of 50 MB", None, 4).await;
    bench.tidy();
}
