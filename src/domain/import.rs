//! Bringing mail in from a server elsewhere: what is asked for, how far it is, and which hosts may
//! be connected to.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::mailserver::Security;
use super::words::words;
use super::{EmailAddress, ImportId, Invalid, MailboxId, Progress};

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
            Self::Copying => matches!(self, Self::Tried | Self::Failed),
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

/// One mailbox to fill.
#[derive(Debug, Clone)]
pub struct Row {
    /// Our mailbox: its id or address.
    pub mailbox: String,
    /// The login name there.
    pub user: String,
    /// The password or app password there.
    pub password: SecretString,
}

impl Row {
    /// Checks what was typed; faults are at `at/<field>`.
    pub fn check(&self, at: &str, faults: &mut Invalid) {
        use secrecy::ExposeSecret as _;
        let fits = |text: &str| !text.is_empty() && text.len() <= LONGEST;
        if self.mailbox.is_empty() {
            faults.push(&format!("{at}/mailbox"), "Name the mailbox to fill.");
        }
        if !fits(&self.user) {
            faults.push(
                &format!("{at}/user"),
                "Enter the login name at the server, up to 255 characters.",
            );
        }
        if !fits(self.password.expose_secret()) {
            faults.push(
                &format!("{at}/password"),
                "Enter the password or app password at the server, up to 255 characters.",
            );
        }
    }
}

/// Reads rows of `mailbox,user,password` with a head (RFC 4180). What is wrong with a row is at
/// `csv/<line>`, the head being line 1.
pub fn rows_of_csv(text: &str) -> Result<Vec<Row>, Invalid> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let head = records.next().and_then(Result::ok).unwrap_or_default();
    let head = head.iter().map(|cell| cell.trim().to_ascii_lowercase());
    if head.ne(["mailbox", "user", "password"]) {
        let detail = "Begin with the line mailbox,user,password.";
        return Err(Invalid::field("csv/1", detail));
    }
    let mut faults = Invalid::default();
    let mut rows = vec![];
    for record in records.filter_map(Result::ok) {
        let line = record.position().map_or(0, csv::Position::line);
        match record.iter().collect::<Vec<_>>().as_slice() {
            [mailbox, user, password] => rows.push(Row {
                mailbox: mailbox.trim().to_owned(),
                user: user.trim().to_owned(),
                password: (*password).to_owned().into(),
            }),
            other => faults.push(
                &format!("csv/{line}"),
                format!(
                    "This row has {} cells. Write mailbox,user,password.",
                    other.len()
                ),
            ),
        }
    }
    faults.into_result()?;
    Ok(rows)
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
    /// Asked for at.
    pub created_at: DateTime<Utc>,
    /// Last changed at.
    pub updated_at: DateTime<Utc>,
    /// Over at.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Whether an address belongs to the public Internet: anything else could be a machine behind our
/// own walls (IANA's special-purpose registries, RFC 6890).
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
    let [a, b, c, _] = v4.octets();
    !(v4.is_private()
        || v4.is_loopback()
        || v4.is_link_local()
        || v4.is_broadcast()
        || v4.is_documentation()
        || v4.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

fn is_public_v6(v6: Ipv6Addr) -> bool {
    let segments = v6.segments();
    // Addresses that stand for one of IPv4: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056).
    let inner = |high: u16, low: u16| {
        let number = (u32::from(high) << 16) | u32::from(low);
        is_public_v4(Ipv4Addr::from(number))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            inner(high, low)
        }
        [0x2002, high, low, ..] => inner(high, low),
        // Only 2000::/3 is given out; of it, documentation, benchmarks, ORCHID and Teredo are not.
        [first, second, ..] => {
            (0x2000..0x4000).contains(&first)
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        let public = [
            "9.9.9.9",
            "192.0.1.1",
            "100.128.0.1",
            "2620:fe::fe",
            "::ffff:9.9.9.9",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
            "fec0::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

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
    fn rows_are_read_from_csv() {
        use secrecy::ExposeSecret as _;
        let text = "\u{feff}Mailbox,user,password\r\na@b.test,ann,\"x,\"\"y\"\"\n z\"\r\n\r\nc@b.test, cy ,p";
        let rows = rows_of_csv(text).unwrap();
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.mailbox.as_str(),
                    row.user.as_str(),
                    row.password.expose_secret(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [("a@b.test", "ann", "x,\"y\"\n z"), ("c@b.test", "cy", "p")]
        );
        assert!(
            rows_of_csv("a@b.test,ann,x")
                .unwrap_err()
                .of("csv/1")
                .is_some()
        );
        let short = rows_of_csv("mailbox,user,password\na,b,c\na,b\n").unwrap_err();
        assert_eq!(short.errors.len(), 1);
        assert!(short.of("csv/3").is_some());
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
