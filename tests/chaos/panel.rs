//! The panel itself: the program as it is installed, in a process that can be killed.
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::clients;
use crate::fate::Blow;
use crate::trial::Trial;

/// How long it may take to answer after it was started, on a machine that does much else.
const UP_WITHIN: Duration = Duration::from_mins(1);

/// One panel process, or the place where it would be.
pub struct Panel {
    /// Where it answers.
    pub base: String,
    program: PathBuf,
    variables: Vec<(String, String)>,
    folder: PathBuf,
    child: Mutex<Option<Child>>,
}

impl Panel {
    /// Number `n` of those that share this database. Nothing is started yet.
    pub fn new(trial: &Trial, n: u16, database: &str) -> Self {
        let listen = format!("127.0.0.1:{}", trial.ports + 950 + n);
        let variable = |name: &str, value: &str| (format!("PILOTHOUSE_{name}"), value.to_owned());
        let variables = vec![
            variable("DATABASE__URL", database),
            variable("SECRETS__KEY", &BASE64_STANDARD.encode([7; 32])),
            variable("LISTEN", &listen),
            variable("LOG__FILTER", "info"),
            variable("ENGINE__TICK_SECONDS", "1"),
            // Where two processes share the work, nobody may take what one held before this is over.
            variable("ENGINE__LEASE_SECONDS", "4"),
            variable("ENGINE__SWEEP_EVERY_SECONDS", "20"),
            variable("ENGINE__USAGE_EVERY_SECONDS", "20"),
            // As OPERATIONS.md says: the hashes of passwords are not to leave their pieces behind.
            ("MALLOC_ARENA_MAX".to_owned(), "1".to_owned()),
        ];
        Self {
            base: format!("http://{listen}"),
            program: trial.program.clone(),
            variables,
            folder: trial.folder.clone(),
            child: Mutex::default(),
        }
    }

    /// The same with one more variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs a command of the program; the last word it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the program");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{wrong}");
        let last = said.split_whitespace().last();
        last.unwrap_or_default().to_owned()
    }

    /// Makes the mail server known that this file describes.
    pub fn register(&self, name: &str, info: &Path) {
        let info = info.to_string_lossy();
        self.run(&["mail-server", "add", "--name", name, "--info", &info]);
    }

    /// Starts it, unless it runs.
    pub fn start(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = child.as_mut()
            && running.try_wait().expect("a child of ours").is_none()
        {
            return;
        }
        let log = self.log();
        let started = self
            .command(&["serve"])
            .stdout(log.try_clone().expect("a handle"))
            .stderr(log)
            .spawn();
        *child = Some(started.expect("the panel"));
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut running) = child.take() {
            running.kill().expect("a child of ours");
            running.wait().expect("a child of ours");
        }
    }

    /// SIGSTOP or SIGCONT, if it runs.
    fn signal(&self, signal: &str) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = child.as_ref() {
            let pid = running.id().to_string();
            let sent = Command::new("kill").args([signal, &pid]).status();
            assert!(sent.expect("kill").success(), "{signal} to a child of ours");
        }
    }

    /// Waits until it answers.
    pub async fn wait_until_up(&self) {
        let begun = Instant::now();
        let ready = format!("{}/readyz", self.base);
        loop {
            let asked = clients::http().get(&ready).send().await;
            if asked.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(begun.elapsed() < UP_WITHIN, "{ready} does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(self.variables.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        command
    }

    fn log(&self) -> File {
        let file = self.folder.join("panel.log");
        let mut open = OpenOptions::new();
        let log = open.create(true).append(true).open(file);
        log.expect("the panel's log")
    }
}

impl Blow for Panel {
    fn name(&self) -> String {
        format!("kills of the panel at {}", self.base)
    }

    fn down(&self) {
        self.kill();
    }

    fn up(&self) {
        self.start();
    }
}

/// A panel that stands still and goes on, perhaps after another has taken over.
pub struct Frozen(pub Arc<Panel>);

impl Blow for Frozen {
    fn name(&self) -> String {
        format!("standstills of the panel at {}", self.0.base)
    }

    fn down(&self) {
        self.0.signal("-STOP");
    }

    fn up(&self) {
        self.0.signal("-CONT");
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.kill();
    }
}
