//! The panel's own program, with a database of its own and a real mail server behind it.
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::browser::{Browser, Scripts};
use crate::clients::{self, Doors, imap::Imap, smtp};
use crate::driver::{PATIENCE, free_port, wait_for_port};

/// Whom the tests sign in as.
pub const OWNER: &str = "owner@pilothouse.test";

/// What every user here opens their mailbox with.
pub const PASSWORD: &str = "correct horse battery";

/// A running panel with one customer and one domain that no other run uses.
pub struct Panel {
    pub base: String,
    pub doors: Doors,
    pub customer: &'static str,
    pub domain: String,
    port: u16,
    owner_password: String,
    key: String,
    folder: tempfile::TempDir,
    server: Option<Child>,
}

impl Panel {
    /// `None` only when real mail servers are left out on purpose.
    pub async fn start() -> Option<Self> {
        Self::start_with("").await
    }

    /// The same, with more settings; `{at}` in them is a folder of its own.
    pub async fn start_with(more: &str) -> Option<Self> {
        let info = stack_info()?;
        let mut panel = Self::migrated(&info, more);
        let info = info.to_string_lossy();
        panel.run(&[
            "mail-server",
            "add",
            "--name",
            "mail-1",
            "--adapter",
            "dovecot_sogo",
            "--info",
            &info,
        ]);
        let owner = ["--tenant", "platform", "--role", "owner"];
        let member = [
            "member",
            "create",
            "--email",
            OWNER,
            "--name",
            "Rhona Fleet",
        ];
        panel.owner_password = panel.run(&[&member[..], &owner].concat());
        panel.key = panel.run(&[&["api-key", "create", "--label", "tests"], &owner[..]].concat());
        panel.serve().await;
        panel.furnish().await;
        Some(panel)
    }

    /// As it is right after it was installed: nobody owns it, and it knows no mail server.
    pub async fn unowned() -> Option<Self> {
        let mut panel = Self::migrated(&stack_info()?, "");
        panel.serve().await;
        Some(panel)
    }

    fn migrated(info: &Path, more: &str) -> Self {
        clients::install_crypto();
        let text = std::fs::read_to_string(info)
            .unwrap_or_else(|fault| panic!("{}: {fault}", info.display()));
        let port = free_port();
        let panel = Self {
            port,
            base: format!("http://127.0.0.1:{port}"),
            doors: serde_json::from_str(&text).expect("the ports of the stack"),
            customer: "acme",
            domain: format!("w{:08x}.test", rand::random::<u32>()),
            owner_password: String::new(),
            key: String::new(),
            folder: tempfile::tempdir().expect("a folder"),
            server: None,
        };
        let said: Value = serde_json::from_str(&text).expect("what the stack says");
        panel.write_settings(said["ca_certificate"].as_str().unwrap_or_default(), more);
        panel.run(&["migrate"]);
        panel
    }

    async fn serve(&mut self) {
        self.server = Some(self.command(&["serve"]).spawn().expect("the panel"));
        wait_for_port(self.port).await;
    }

    fn write_settings(&self, authority: &str, more: &str) {
        let port = self.port;
        let at = self.folder.path().display().to_string();
        let settings = format!(
            "listen = \"127.0.0.1:{port}\"\npublic_url = \"{}\"\n[database]\nurl = \
             \"sqlite://{at}/panel.db?mode=rwc\"\n[secrets]\nkey_file = \"{at}/secrets.key\"\n\
             [engine]\nsweep_every_seconds = 30\nusage_every_seconds = 20\n\
             [imports]\nallow_private_hosts = true\nca_file = \"{authority}\"\n{}",
            self.base,
            more.replace("{at}", &at)
        );
        std::fs::write(self.folder.path().join("pilothouse.toml"), settings).expect("settings");
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pilothouse"));
        command
            .arg("--config")
            .arg(self.folder.path().join("pilothouse.toml"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Runs a command of the program; the last word it printed.
    fn run(&self, arguments: &[&str]) -> String {
        let piped = self
            .command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output();
        let output = piped.expect("the program");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{wrong}");
        said.split_whitespace()
            .last()
            .unwrap_or_default()
            .to_owned()
    }

    async fn furnish(&self) {
        let tenant = json!({ "parent": "platform", "kind": "customer", "slug": self.customer, "name": "Alder & Finch" });
        self.post("/tenants", tenant).await;
        let domain = json!({ "name": self.domain, "vouch": true });
        self.post(&format!("/tenants/{}/domains", self.customer), domain)
            .await;
    }

    /// Asks the API for something new.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let asked = clients::http().post(format!("{}/api/v1{path}", self.base));
        let answer = asked.bearer_auth(&self.key).json(&body).send().await;
        let answer = answer.expect("an answer of the API");
        let status = answer.status();
        let said = answer.text().await.expect("its body");
        assert!(status.is_success(), "{path}: {status} {said}");
        serde_json::from_str(&said).unwrap_or(Value::Null)
    }

    pub fn address(&self, local: &str) -> String {
        format!("{local}@{}", self.domain)
    }

    /// A path of the customer's pages.
    pub fn at(&self, rest: &str) -> String {
        format!("/t/{}{rest}", self.customer)
    }

    /// A user by the API; `kind` is `pop_imap`, `exchange` or `none`.
    pub async fn add_user(&self, local: &str, name: &str, kind: &str) {
        let mut body =
            json!({ "address": self.address(local), "display_name": name, "password": PASSWORD });
        if kind != "none" {
            body["mailbox"] = json!({ "kind": kind });
        }
        self.post(&format!("/tenants/{}/users", self.customer), body)
            .await;
    }

    /// Runs SQL past all doors.
    #[expect(clippy::disallowed_methods, reason = "the tests' own door")]
    pub async fn sql(&self, sql: &str) -> u64 {
        let url = format!("sqlite://{}/panel.db", self.folder.path().display());
        let back_door = sea_orm::Database::connect(url).await.expect("the database");
        let done = back_door.execute_unprepared(sql).await;
        done.expect("the statement").rows_affected()
    }

    /// A browser that is signed in.
    pub async fn browser(&self, scripts: Scripts) -> Browser {
        let browser = Browser::start(&self.base, scripts).await;
        browser.sign_in(OWNER, &self.owner_password).await;
        browser
    }

    pub fn owner_password(&self) -> &str {
        &self.owner_password
    }

    /// Delivers messages by SMTP as another mail server would, and waits until they are there.
    pub async fn deliver(&self, to: &str, count: usize) {
        for n in 1..=count {
            let letter = format!(
                "From: Post <post@example.org>\r\nTo: <{to}>\r\nSubject: Letter {n}\r\n\
                 Message-ID: <{n}.{to}>\r\n\r\nThis is letter {n}.\r\n"
            );
            let sent = smtp::deliver(&self.doors, "post@example.org", to, letter.as_bytes()).await;
            sent.expect("a delivery");
        }
        let begin = Instant::now();
        while self.messages(to).await != Ok(count) {
            assert!(
                begin.elapsed() < Duration::from_secs(30),
                "the mail did not arrive"
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// How many messages a mail program finds in the inbox.
    pub async fn messages(&self, of: &str) -> Result<usize, String> {
        let mut imap = Imap::login(&self.doors, of, PASSWORD).await?;
        let inbox = imap.read("INBOX").await?;
        imap.logout().await;
        Ok(inbox.messages.len())
    }

    /// Waits until the mail server lets the owner of the mailbox in.
    pub async fn wait_until_open(&self, of: &str) {
        let begin = Instant::now();
        while let Err(said) = self.messages(of).await {
            assert!(begin.elapsed() < PATIENCE, "{of}: {said}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how a test run is told where its stack is"
)]
fn stack_info() -> Option<PathBuf> {
    if std::env::var("PILOTHOUSE_TEST_REAL").as_deref() == Ok("0") {
        return None;
    }
    let path = std::env::var("PILOTHOUSE_TEST_STACK_INFO").unwrap_or_else(|_| {
        panic!(
            "No mail stack to test against. Start one (BASE=/some/dir PORT_BASE=38000 \
             mailstack/stack.sh up) and set PILOTHOUSE_TEST_STACK_INFO=/some/dir/info.json, \
             or leave the real half out with PILOTHOUSE_TEST_REAL=0."
        )
    });
    Some(path.into())
}
