//! A mail stack of our own, whose daemons can be killed: by number, and only ours.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::clients::{self, Doors};
use crate::fate::Blow;
use crate::network::{FOR_PANEL, FOR_PEOPLE, NAMESPACE};
use crate::trial::Trial;

/// A running stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// Its name in the panel.
    pub name: String,
    /// Where clients get in.
    pub doors: Doors,
    folder: PathBuf,
    ports: u16,
    /// What the panel registers: `info.json`, or what it is from far away.
    info: PathBuf,
    /// The network namespace that it is in.
    namespace: Option<&'static str>,
    offers: Offers,
}

/// What a stack offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offers {
    /// Everything.
    Everything,
    /// POP3, IMAP and SMTP.
    PopImap,
}

/// What can be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// IMAP, POP3, LMTP, doveadm.
    Dovecot,
    /// The three roles of `SOGo`.
    Sogo,
    /// The directory database, which is `SOGo`'s too.
    Directory,
}

impl Offers {
    /// As `mailstack/env.sh` has it.
    const fn word(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::PopImap => "pop_imap",
        }
    }
}

impl Stack {
    /// Brings up number `n` on loopback, or finds it up.
    pub fn up(trial: &Trial, n: u16) -> Self {
        Self::new(trial, n, Offers::Everything).on_loopback(trial, n)
    }

    /// Brings up two, of which the first knows no Exchange.
    pub fn two(trial: &Trial) -> Vec<Self> {
        let old = Self::new(trial, 2, Offers::PopImap);
        vec![old.on_loopback(trial, 2), Self::up(trial, 1)]
    }

    /// Brings up number `n` in the network namespace, where it is reached over two wires.
    pub fn up_far_away(trial: &Trial, n: u16) -> Self {
        Self::new(trial, n, Offers::Everything).far_away(trial, n)
    }

    /// The same with two, of which the first knows no Exchange.
    pub async fn two_far_away(trial: &Trial) -> Vec<Self> {
        let old = Self::new(trial, 2, Offers::PopImap);
        let both = vec![old.far_away(trial, 2), Self::up_far_away(trial, 1)];
        for stack in &both {
            stack.trust_any_peer().await;
        }
        both
    }

    /// Their certificates are signed by themselves, which is enough on loopback only.
    async fn trust_any_peer(&self) {
        let sql = "CREATE OR REPLACE FUNCTION chaos_trust() RETURNS trigger LANGUAGE plpgsql AS
                     $$ BEGIN NEW.verified := false; RETURN NEW; END $$;
                   CREATE OR REPLACE TRIGGER chaos_trust BEFORE INSERT OR UPDATE ON peers
                     FOR EACH ROW EXECUTE FUNCTION chaos_trust()";
        let mut directory = PgConnection::connect(&self.directory_url())
            .await
            .expect("the directory");
        let done = directory.execute(sqlx::raw_sql(sql)).await;
        done.expect("a trigger");
    }

    fn on_loopback(self, trial: &Trial, n: u16) -> Self {
        self.other(trial, n).stop();
        self.start();
        self.described(|_| {})
    }

    /// The one that takes the same ports.
    fn other(&self, trial: &Trial, n: u16) -> Self {
        let offers = match self.offers {
            Offers::Everything => Offers::PopImap,
            Offers::PopImap => Offers::Everything,
        };
        Self::new(trial, n, offers)
    }

    fn far_away(self, trial: &Trial, n: u16) -> Self {
        let mut stack = self;
        // Where they were up before, they were on loopback.
        stack.other(trial, n).stop();
        stack.stop();
        stack.namespace = Some(NAMESPACE);
        stack.info = stack.folder.join("far.json");
        stack.start();
        stack.described(|info| {
            for value in info.as_object_mut().expect("an object").values_mut() {
                let text = value.to_string().replace("127.0.0.1", FOR_PANEL);
                *value = serde_json::from_str(&text).expect("JSON again");
            }
            info["host"] = FOR_PEOPLE.into();
            let http = info["http"].to_string().replace(FOR_PANEL, FOR_PEOPLE);
            info["http"] = serde_json::from_str(&http).expect("JSON again");
        })
    }

    fn new(trial: &Trial, n: u16, offers: Offers) -> Self {
        clients::install_crypto();
        let name = match offers {
            Offers::Everything => format!("mail-{n}"),
            Offers::PopImap => format!("old-{n}"),
        };
        let folder = trial.folder.join(&name);
        Self {
            name,
            doors: Doors {
                host: String::new(),
                imap: 0,
                imaps: 0,
                pop3: 0,
                pop3s: 0,
                smtp: 0,
                submission: 0,
                http: String::new(),
            },
            info: folder.join("info.json"),
            folder,
            ports: trial.ports + 1000 * (n - 1),
            namespace: None,
            offers,
        }
    }

    /// Reads where it is, and writes down where it is seen from the panel.
    fn described(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let text = std::fs::read_to_string(self.folder.join("info.json"));
        let mut info = serde_json::from_str(&text.expect("info.json")).expect("JSON");
        edit(&mut info);
        if self.namespace.is_some() {
            std::fs::write(&self.info, info.to_string()).expect("a file beside it");
        }
        self.doors = serde_json::from_value(info).expect("the ports of the stack");
        self
    }

    /// What the panel registers.
    pub fn info(&self) -> &Path {
        &self.info
    }

    /// Where its mail is.
    pub fn mail(&self) -> PathBuf {
        self.folder.join("mail")
    }

    /// Ends it.
    pub fn stop(&self) {
        self.script(&["down"]);
    }

    /// A superuser's way into the directory database.
    pub fn directory_url(&self) -> String {
        // Root gets to its socket, where everybody is trusted.
        let (socket, port) = (self.folder.join("run/pg"), self.ports + 32);
        format!(
            "postgres://postgres@localhost:{port}/directory?host={}",
            socket.display()
        )
    }

    /// Starts whatever does not run. What another blow strikes meanwhile is started once more.
    pub fn start(&self) {
        let started = (0..5).any(|_| self.script(&["up"]));
        assert!(
            started,
            "the stack in {} did not start",
            self.folder.display()
        );
    }

    /// Kills a daemon and every process of it with SIGKILL.
    pub fn kill(&self, daemon: Daemon) {
        for file in daemon.files() {
            kill_daemon(&self.folder.join(file));
        }
    }

    fn runs(&self, daemon: Daemon) -> bool {
        let mut files = daemon.files().iter();
        files.all(|file| pid_in(&self.folder.join(file)).is_some())
    }

    /// Postfix looks once a minute only whether a database that it lost is back; told so, it looks
    /// at once.
    fn forget_lost_directory(&self) {
        let reloaded = Command::new("postfix")
            .arg("-c")
            .arg(self.folder.join("etc/postfix"))
            .arg("reload")
            .stderr(Stdio::null())
            .status();
        reloaded.expect("postfix");
    }

    /// Hands everything that waits in the queue to its mailbox now.
    pub fn flush_queue(&self) {
        let flushed = Command::new("postqueue")
            .arg("-c")
            .arg(self.folder.join("etc/postfix"))
            .arg("-f")
            .stderr(Stdio::null())
            .status();
        flushed.expect("postqueue");
    }

    fn script(&self, arguments: &[&str]) -> bool {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("mailstack/stack.sh");
        let mut command = match self.namespace {
            None => Command::new(script),
            Some(namespace) => {
                let mut inside = Command::new("ip");
                inside.args(["netns", "exec", namespace]).arg(script);
                inside
            }
        };
        let run = command
            .args(arguments)
            .env("BASE", &self.folder)
            .env("PORT_BASE", self.ports.to_string())
            .env("OFFERS", self.offers.word())
            .env("MAIL_HOSTNAME", format!("{}.pilothouse.test", self.name))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        run.expect("the script of the mail stack").success()
    }
}

impl Daemon {
    /// Where its processes say who they are.
    const fn files(self) -> &'static [&'static str] {
        match self {
            Self::Dovecot => &["run/dovecot/master.pid"],
            Self::Sogo => &[
                "run/sogo-web/sogo.pid",
                "run/sogo-eas/sogo.pid",
                "run/sogo-dav/sogo.pid",
            ],
            Self::Directory => &["pg/postmaster.pid"],
        }
    }
}

impl Blow for (Stack, Daemon) {
    fn name(&self) -> String {
        format!("kills of {:?} on {}", self.1, self.0.name)
    }

    fn down(&self) {
        self.0.kill(self.1);
    }

    fn up(&self) {
        if self.1 == Daemon::Directory && !self.0.runs(Daemon::Directory) {
            // A SOGo that lost its database says 401 to phones until it is started again.
            self.0.kill(Daemon::Sogo);
        }
        self.0.start();
        if self.1 == Daemon::Directory {
            self.0.forget_lost_directory();
        }
    }
}

/// Kills the daemon that this pid file names, and all its children. The file goes too: a process
/// that nobody has buried yet would pass for one that runs.
pub fn kill_daemon(file: &Path) {
    let Some(pid) = pid_in(file) else { return };
    let family = family(pid);
    kill_all(&family);
    let begun = Instant::now();
    while family.iter().any(|pid| runs(*pid)) && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = std::fs::remove_file(file);
}

/// Whether a process runs; one that ended and was not buried does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let state = stat
        .ok()
        .and_then(|stat| Some(stat.rsplit_once(')')?.1.trim_start().to_owned()));
    state.is_some_and(|state| !state.starts_with('Z'))
}

/// The process that a pid file names, while it runs.
fn pid_in(file: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(file).ok()?;
    let pid = text.lines().next()?.trim().parse().ok()?;
    runs(pid).then_some(pid)
}

/// A process and all its descendants, the oldest first.
fn family(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = std::fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|child| Some((child, parent_of(child)?)))
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&member) = family.get(next) {
        let children = parents.iter().filter(|(_, parent)| *parent == member);
        family.extend(children.map(|(child, _)| *child));
        next += 1;
    }
    family
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// SIGKILL for these processes, which are ours. Some may have ended with their parent.
fn kill_all(pids: &[u32]) {
    let named = pids.iter().map(ToString::to_string);
    let killed = Command::new("kill")
        .arg("-KILL")
        .args(named)
        .stderr(Stdio::null())
        .status();
    killed.expect("kill");
}
