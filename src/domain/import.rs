//! Bringing mail in from a server elsewhere: what is asked for, and how far it is. `list` is about
//! the mailboxes, `network` about the hosts that may be connected to, `provider` about well-known
//! ones.
mod list;
mod network;
mod provider;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::mailserver::Security;
use super::words::words;
use super::{EmailAddress, ImportId, ImportListId, Invalid, MailboxId, Progress};

pub use list::{ImportList, LeftOut, Line, Row, Unread, lines_of_csv, rows_of_csv};
pub use network::is_public;
pub use provider::{PROVIDERS, Provider};

/// The longest host name (RFC 1035 §2.3.4), and the longest name or password that is sent.
const LONGEST: usize = 255;

words! {
    /// Where an import is.
    ImportState {
        /// A trial is asked for: connects, lists folders and counts, changes nothing.
        Trying = "trying",
        /// The trial is over; it waits to be told to go on.
        Tried = "tried",
        /// The first pass is due or under way.
        Copying = "copying",
        /// What changes at the source is carried over now and again, until it is cut over.
        Following = "following",
        /// The last pass is due or under way, and then everything is compared.
        CuttingOver = "cutting_over",
        /// Everything is here. The password is forgotten.
        Done = "done",
        /// It came to an end that somebody has to look at.
        Failed = "failed",
        /// It was called off; what was copied stays. The password is forgotten.
        Cancelled = "cancelled",
    }
}

impl ImportState {
    /// Those in which there is something to do.
    pub const DUE: [Self; 4] = [
        Self::Trying,
        Self::Copying,
        Self::Following,
        Self::CuttingOver,
    ];

    /// Whether nothing more will happen to it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }

    /// Whether a person may move it there from here.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        match to {
            Self::Trying => matches!(self, Self::Tried | Self::Failed),
            Self::Copying => matches!(self, Self::Tried | Self::Following | Self::Failed),
            Self::CuttingOver => matches!(self, Self::Copying | Self::Following | Self::Failed),
            Self::Cancelled => !self.is_over(),
            _ => false,
        }
    }
}

/// Which folder goes where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folders {
    /// Drafts, sent mail and the like (RFC 6154) go to the folders that serve for them here.
    pub by_use: bool,
    /// Everything else goes below this folder.
    pub below: Option<String>,
    /// Folders that go somewhere of their own: (there, here).
    pub named: Vec<(String, String)>,
    /// Folders that are left out.
    pub without: Vec<String>,
}

impl Default for Folders {
    fn default() -> Self {
        Self {
            by_use: true,
            below: None,
            named: vec![],
            without: vec![],
        }
    }
}

impl Folders {
    /// Which folder goes where, as somebody decided after a trial: for each folder that was found,
    /// its name here, or nothing to leave it out. Faults are at `folders/<place>`.
    pub fn decided(
        &self,
        found: &[FoundFolder],
        names: &[Option<String>],
    ) -> Result<Self, Invalid> {
        let mut faults = Invalid::default();
        let mut decided = Self {
            named: vec![],
            without: vec![],
            ..self.clone()
        };
        let mut taken: HashMap<String, &str> = HashMap::new();
        for (place, (folder, name)) in found.iter().zip(names).enumerate() {
            let Some(name) = name.as_deref().map(str::trim) else {
                decided.without.push(folder.name.clone());
                continue;
            };
            let field = format!("folders/{place}");
            if !is_folder_name(name) {
                faults.push(
                    &field,
                    format!("Enter a name for {}, with / between levels.", folder.name),
                );
            } else if let Some(other) = taken.insert(name.to_lowercase(), &folder.name) {
                faults.push(
                    &field,
                    format!("{other} goes to {name} already. Choose another name."),
                );
            } else if folder.goes_to.as_deref() != Some(name) || self.names(&folder.name) {
                let own = (folder.name.clone(), name.to_owned());
                decided.named.push(own);
            }
        }
        faults.into_result()?;
        Ok(decided)
    }

    fn names(&self, folder: &str) -> bool {
        self.named.iter().any(|(from, _)| from == folder)
    }
}

/// Whether a mail server could take this for the name of a folder.
fn is_folder_name(name: &str) -> bool {
    let level = |level: &str| !level.is_empty() && level.trim() == level;
    name.len() <= LONGEST
        && !name
            .chars()
            .any(|c| c.is_control() || matches!(c, '*' | '%'))
        && name.split('/').all(level)
}

/// The server elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
}

impl Outside {
    /// Checks what was typed. Where no port is given, it is the usual one.
    pub fn parse(host: &str, port: Option<u16>, security: Security) -> Result<Self, Invalid> {
        let mut faults = Invalid::default();
        let host = host.trim().trim_end_matches('.').to_ascii_lowercase();
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || host.len() > LONGEST || !host.chars().all(letters) {
            faults.push(
                "host",
                "Enter the host name of the IMAP server, such as imap.example.org.",
            );
        }
        if port == Some(0) {
            faults.push(
                "port",
                "Enter a port from 1 to 65535, or none for the usual one.",
            );
        }
        faults.into_result()?;
        let usual = if security == Security::Tls { 993 } else { 143 };
        let port = port.unwrap_or(usual);
        Ok(Self {
            host,
            port,
            security,
        })
    }
}

/// A folder that a trial found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FoundFolder {
    /// Its name there.
    pub name: String,
    /// Its name here; null when it is left out.
    pub goes_to: Option<String>,
    /// How many messages it holds.
    pub messages: u64,
    /// Their bytes; 0 when the server does not tell.
    pub bytes: u64,
}

/// A message that could not be brought in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NotImported {
    /// Its folder there.
    pub folder: String,
    /// Its UID there.
    pub uid: u32,
    /// Why.
    pub why: String,
}

/// What an import has done so far.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default)]
pub struct ImportReport {
    /// Passes made.
    pub passes: u64,
    /// Messages copied.
    pub copied: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that were here already, byte for byte.
    pub recognised: u64,
    /// Messages removed here because they were removed there.
    pub removed: u64,
    /// Messages whose flags were brought up to date.
    pub flagged: u64,
    /// Messages that could not be brought in, as of the last pass; at most 100.
    pub not_imported: Vec<NotImported>,
    /// How many those are in all.
    pub not_imported_count: u64,
    /// After the cut-over: every message was read again and compared. What differs; at most 100.
    pub differences: Option<Vec<String>>,
}

/// An import, as people see it.
#[derive(Debug, Clone)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// The mailbox that is filled.
    pub mailbox: MailboxId,
    /// Its address.
    pub address: EmailAddress,
    /// The file that named it.
    pub list: Option<ImportListId>,
    /// Where the mail comes from.
    pub outside: Outside,
    /// The login name there.
    pub user: String,
    /// Which folder goes where.
    pub folders: Folders,
    /// Where it is.
    pub state: ImportState,
    /// How far the present pass is.
    pub progress: Progress,
    /// What the trial found.
    pub found: Option<Vec<FoundFolder>>,
    /// What was done.
    pub report: ImportReport,
    /// What it waits for, in a sentence.
    pub waiting_for: Option<String>,
    /// Why it failed, in a sentence.
    pub error: Option<String>,
    /// Not looked at before then.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Asked for at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
    /// Over at.
    pub finished_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_has_a_host_and_the_usual_port() {
        let parsed = Outside::parse(" IMAP.Example.org. ", None, Security::Tls).unwrap();
        assert_eq!(
            (parsed.host.as_str(), parsed.port),
            ("imap.example.org", 993)
        );
        assert_eq!(
            Outside::parse("h", None, Security::Starttls).unwrap().port,
            143
        );
        for host in ["", "a b", "user@host", "http://x/", &"a".repeat(256)] {
            assert!(
                Outside::parse(host, None, Security::Tls)
                    .unwrap_err()
                    .of("host")
                    .is_some()
            );
        }
    }

    #[test]
    fn folders_go_where_somebody_decided() {
        let folder = |name: &str, goes_to: Option<&str>| FoundFolder {
            name: name.to_owned(),
            goes_to: goes_to.map(str::to_owned),
            messages: 1,
            bytes: 1,
        };
        let found = [
            folder("INBOX", Some("INBOX")),
            folder("Sent Mail", Some("Sent")),
            folder("Old", Some("Old")),
            folder("All", None),
        ];
        let names = |names: [Option<&str>; 4]| names.map(|name| name.map(str::to_owned));
        let usual = Folders::default();
        let same = names([Some("INBOX"), Some("Sent"), Some("Old"), None]);
        let decided = usual.decided(&found, &same).unwrap();
        assert_eq!(
            (decided.named.len(), decided.without),
            (0, vec!["All".to_owned()])
        );

        let other = names([Some("INBOX"), Some("Sent"), None, Some("Archive/All")]);
        let decided = usual.decided(&found, &other).unwrap();
        assert_eq!(
            decided.named,
            [("All".to_owned(), "Archive/All".to_owned())]
        );
        assert_eq!(decided.without, ["Old"]);

        let bad = names([Some("INBOX"), Some("inbox"), Some("a//b"), Some(" ")]);
        let faults = usual.decided(&found, &bad).unwrap_err();
        assert_eq!(faults.errors.len(), 3);
        assert!(faults.of("folders/1").unwrap().contains("INBOX goes to"));
    }

    #[test]
    fn states_move_only_where_it_makes_sense() {
        use ImportState::{
            Cancelled, Copying, CuttingOver, Done, Failed, Following, Tried, Trying,
        };
        assert!(Tried.may_become(Copying) && Failed.may_become(Copying));
        assert!(Following.may_become(CuttingOver) && Following.may_become(Cancelled));
        assert!(!Trying.may_become(CuttingOver) && !Done.may_become(Cancelled));
        assert!(!Following.may_become(Done) && !Cancelled.may_become(Copying));
        for state in ImportState::ALL.iter().copied() {
            assert_eq!(ImportState::parse(state.as_str()), Some(state));
        }
    }
}
