//! Mail brought in from a server elsewhere, which here is another mailbox of a real stack, reached
//! over TLS as any server would be.
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::app::imports::{self, NewImports};
use pilothouse::authz::{ImportMail, ViewImports};
use pilothouse::backends::imap::Trust;
use pilothouse::domain::import::{Folders, Import, ImportState, Outside, Row};
use pilothouse::domain::mailserver::Security;
use pilothouse::domain::{Kind, MailboxState};
use pilothouse::engine::imports::{Rules, run};
use tokio_util::sync::CancellationToken;

use crate::clients::imap::Imap;
use crate::real_stack::{PASSWORD, Real, info};
use crate::stage::{PATIENCE, key, start};

const DATE: Option<&str> = Some("\"24-Nov-2026 10:00:00 +0000\"");

struct Outer {
    real: Real,
    _engine: crate::stage::Running,
    _stop: tokio_util::sync::DropGuard,
}

impl Outer {
    /// A panel with two mailboxes, `there` and `here`, that trusts the stack's certificate.
    async fn new(allow_private_hosts: bool) -> Option<Self> {
        let certificate = info()?["ca_certificate"].as_str()?.to_owned();
        let trust = Trust::with_pem(&std::fs::read(certificate).unwrap()).unwrap();
        Self::with(Rules {
            allow_private_hosts,
            trust,
        })
        .await
    }

    async fn with(rules: Rules) -> Option<Self> {
        let real = Real::new().await?;
        real.world.engine.hold_key(key());
        let engine = start(&real.context);
        for local in ["there", "here"] {
            real.add(local, Kind::PopImap).await;
            real.until_state(local, MailboxState::Ready).await;
        }
        let stopping = CancellationToken::new();
        let context = real.context.clone();
        tokio::spawn(run(context, Arc::new(rules), stopping.clone()));
        Some(Self {
            real,
            _engine: engine,
            _stop: stopping.drop_guard(),
        })
    }

    async fn import(&self, trial: bool, password: &str) -> Import {
        let door = ("127.0.0.1", self.real.doors.imaps, Security::Tls);
        self.import_from(door, trial, password).await
    }

    async fn import_from(
        &self,
        (host, port, security): (&str, u16, Security),
        trial: bool,
        password: &str,
    ) -> Import {
        let new = NewImports {
            outside: Outside {
                host: host.to_owned(),
                port,
                security,
            },
            folders: Folders::default(),
            trial,
            rows: vec![Row {
                mailbox: self.real.address("here").to_string(),
                user: self.real.address("there").to_string(),
                password: password.to_owned().into(),
            }],
            list: "mailboxes",
        };
        let work = self.real.work::<ImportMail>().await;
        imports::start(work, new).await.unwrap().remove(0)
    }

    async fn until(&self, import: &Import, wanted: impl Fn(&Import) -> bool) -> Import {
        let start = Instant::now();
        loop {
            let work = self.real.work::<ViewImports>().await;
            let found = imports::find(&work, import.id).await.unwrap();
            if wanted(&found) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "still: {found:#?}");
            drop(work);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn tell(&self, import: &Import, state: ImportState) {
        let work = self.real.work::<ImportMail>().await;
        imports::set_state(work, import.id, state).await.unwrap();
    }
}

/// Three messages, in INBOX, Sent, and a folder of one's own.
async fn fill(imap: &mut Imap) {
    imap.create("Projekte/Gro&AN8-").await.unwrap();
    for (folder, flags) in [
        ("INBOX", "(\\Flagged)"),
        ("Sent", "(\\Seen)"),
        ("Projekte/Gro&AN8-", "($Label1)"),
    ] {
        let letter = format!("Subject: in {folder}\r\n\r\nhello\r\n");
        imap.append(folder, Some(flags), DATE, letter.as_bytes())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_mailbox_is_tried_copied_followed_and_cut_over() {
    let Some(outer) = Outer::new(true).await else {
        return;
    };
    let mut there = outer.real.sign_in("there").await.unwrap();
    fill(&mut there).await;
    let mut here = outer.real.sign_in("here").await.unwrap();
    here.append("INBOX", None, DATE, b"Subject: mine\r\n\r\n")
        .await
        .unwrap();

    let import = outer.import(true, PASSWORD).await;
    let tried = outer
        .until(&import, |import| import.state == ImportState::Tried)
        .await;
    let found = tried.found.unwrap();
    let own = found
        .iter()
        .find(|folder| folder.name == "Projekte/Groß")
        .unwrap();
    assert_eq!(
        (own.goes_to.as_deref(), own.messages),
        (Some("Projekte/Groß"), 1)
    );
    assert_eq!(
        here.read_all().await.unwrap()["INBOX"].messages.len(),
        1,
        "a trial changes nothing"
    );

    outer.tell(&import, ImportState::Copying).await;
    let following = outer
        .until(&import, |import| import.state == ImportState::Following)
        .await;
    assert_eq!(
        (following.report.copied, following.progress.messages_done),
        (3, 3)
    );

    // Until the cut-over the source lives on; what is removed there stays here.
    there
        .append("INBOX", None, DATE, b"Subject: late\r\n\r\n")
        .await
        .unwrap();
    there.store("Sent", 1, "+FLAGS (\\Deleted)").await.unwrap();
    there.expunge_marked().await.unwrap();
    outer.tell(&import, ImportState::CuttingOver).await;
    let done = outer
        .until(&import, |import| import.state == ImportState::Done)
        .await;
    assert_eq!((done.report.copied, done.report.removed), (4, 0));
    assert_eq!(done.report.differences, Some(vec![]));

    let there = there.read_all().await.unwrap();
    let mut here = outer
        .real
        .sign_in("here")
        .await
        .unwrap()
        .read_all()
        .await
        .unwrap();
    assert_eq!(here["Sent"].messages.len(), 1);
    here.get_mut("INBOX").unwrap().messages.pop_first();
    for folder in ["INBOX", "Projekte/Gro&AN8-"] {
        let marks = |all: &crate::clients::imap::Folders| -> Vec<_> {
            all[folder].messages.values().cloned().collect()
        };
        assert_eq!(marks(&there), marks(&here), "{folder}");
    }
}

#[tokio::test]
async fn a_wrong_password_fails_with_what_the_server_said() {
    let Some(outer) = Outer::new(true).await else {
        return;
    };
    let import = outer.import(false, "wrong").await;
    let failed = outer
        .until(&import, |import| import.state == ImportState::Failed)
        .await;
    let error = failed.error.unwrap();
    let there = outer.real.address("there");
    let said = format!("127.0.0.1 does not let {there} in: “Authentication failed.”");
    assert!(error.starts_with(&said), "{error}");
    assert!(!error.contains("wrong"), "{error}");

    // With the right one it goes on from there.
    let work = outer.real.work::<ImportMail>().await;
    let right = Some(PASSWORD.to_owned().into());
    imports::again(work, import.id, there.as_str(), right)
        .await
        .unwrap();
    outer
        .until(&import, |import| import.state == ImportState::Tried)
        .await;
    outer.tell(&import, ImportState::Cancelled).await;
}

#[tokio::test]
async fn starttls_protects_the_password_and_folders_go_where_they_were_sent() {
    let Some(outer) = Outer::new(true).await else {
        return;
    };
    fill(&mut outer.real.sign_in("there").await.unwrap()).await;
    let door = ("127.0.0.1", outer.real.doors.imap, Security::Starttls);
    let import = outer.import_from(door, true, PASSWORD).await;
    let tried = outer
        .until(&import, |import| import.state == ImportState::Tried)
        .await;
    let found = tried.found.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|folder| match folder.name.as_str() {
            "Projekte/Groß" => Some("Archive/2026".to_owned()),
            "Sent" => None,
            _ => folder.goes_to.clone(),
        })
        .collect();
    let work = outer.real.work::<ImportMail>().await;
    imports::begin(work, import.id, &names).await.unwrap();
    let following = outer
        .until(&import, |import| import.state == ImportState::Following)
        .await;
    assert_eq!(following.report.copied, 2, "Sent was left out");
    let mut here = outer.real.sign_in("here").await.unwrap();
    let here = here.read_all().await.unwrap();
    assert_eq!(here["Archive/2026"].messages.len(), 1);
    assert!(here["Sent"].messages.is_empty());
    outer.tell(&import, ImportState::Cancelled).await;
}

/// Why a first look at this door fails.
async fn refusal(outer: &Outer, door: (&str, u16, Security)) -> String {
    let import = outer.import_from(door, true, PASSWORD).await;
    let failed = outer
        .until(&import, |import| {
            import.state == ImportState::Failed || import.waiting_for.is_some()
        })
        .await;
    outer.tell(&import, ImportState::Cancelled).await;
    failed.error.or(failed.waiting_for).unwrap()
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_told_and_the_password_stays_here() {
    let rules = Rules {
        allow_private_hosts: true,
        trust: Trust::default(),
    };
    let Some(outer) = Outer::with(rules).await else {
        return;
    };
    let doors = &outer.real.doors;
    for door in [
        ("127.0.0.1", doors.imaps, Security::Tls),
        ("127.0.0.1", doors.imap, Security::Starttls),
    ] {
        let error = refusal(&outer, door).await;
        let said = "There is no safe connection to 127.0.0.1: its certificate was signed by \
                    the server itself, and is not trusted here. The password was not sent.";
        assert_eq!(error, said, "{door:?}");
    }
    let error = refusal(&outer, ("127.0.0.1", doors.imap, Security::Tls)).await;
    assert!(
        error.contains("it does not speak TLS at this port"),
        "{error}"
    );
    let error = refusal(&outer, ("127.0.0.1", 1, Security::Tls)).await;
    let said = "127.0.0.1 does not answer at port 1: nothing listens there.";
    assert!(error.starts_with(said), "{error}");
    let error = refusal(&outer, ("no-such-host.invalid", 993, Security::Tls)).await;
    assert!(
        error.starts_with("no-such-host.invalid cannot be found"),
        "{error}"
    );
}

#[tokio::test]
async fn a_host_of_our_own_network_is_not_connected_to() {
    let Some(outer) = Outer::new(false).await else {
        return;
    };
    let import = outer.import(false, PASSWORD).await;
    let failed = outer
        .until(&import, |import| import.state == ImportState::Failed)
        .await;
    let error = failed.error.unwrap();
    assert!(error.contains("not on the public Internet"), "{error}");
}
