//! The folders of one side, as far as they hold mail and belong to the owner.
use std::collections::{BTreeMap, HashSet};

use super::super::names::{decode, levels};
use super::super::response::{Listed, Namespaces, Response};
use super::super::session::Session;
use super::super::survey::openable;
use super::super::{Fault, wire::NoSink};

/// How this server writes names.
#[derive(Debug, Clone, Default)]
pub struct Spelling {
    /// What stands between levels.
    pub delimiter: Option<u8>,
    /// What the owner's own folders begin with.
    pub prefix: Vec<u8>,
    /// Names are UTF-8 on the wire.
    pub utf8: bool,
}

/// One folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its name on the wire.
    pub wire: Vec<u8>,
    /// Its name, decoded, with `/` between levels; no two have the same.
    pub name: String,
    /// Its levels below the owner's prefix.
    pub levels: Vec<String>,
    /// What it is used for (RFC 6154), in small letters: `\sent`.
    pub special_use: Option<String>,
    /// Whether the owner is subscribed to it.
    pub subscribed: bool,
    /// What STATUS told of it.
    pub status: Status,
}

/// What STATUS tells of a folder; 0 is what it did not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// MESSAGES.
    pub messages: u32,
    /// UIDNEXT.
    pub uidnext: u32,
    /// UIDVALIDITY.
    pub uidvalidity: u32,
    /// HIGHESTMODSEQ.
    pub modseq: Option<u64>,
    /// SIZE.
    pub size: u64,
}

/// Every folder of a mailbox.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// How it writes names.
    pub spelling: Spelling,
    /// The folders, in the order of their names.
    pub folders: Vec<Folder>,
}

const USES: [&str; 8] = [
    "\\all",
    "\\archive",
    "\\drafts",
    "\\flagged",
    "\\important",
    "\\junk",
    "\\sent",
    "\\trash",
];

/// Lists a mailbox.
pub async fn list(session: &mut Session) -> Result<Side, Fault> {
    let namespaces = namespaces(session).await?;
    let (listed, subscribed) = listed(session).await?;
    let own = |folder: &Listed| {
        let foreign = |prefix: &Vec<u8>| !prefix.is_empty() && folder.name.starts_with(prefix);
        !namespaces.others.iter().any(foreign)
    };
    let spelling = Spelling {
        delimiter: listed.iter().find_map(|folder| folder.delimiter),
        prefix: namespaces.personal.clone(),
        utf8: session.utf8(),
    };
    let listed: Vec<_> = openable(listed).into_iter().filter(own).collect();
    let names: Vec<_> = listed.iter().map(|folder| folder.name.clone()).collect();
    let statuses = statuses(session, &names).await?;
    let mut taken = HashSet::new();
    let mut folders: Vec<_> = listed
        .into_iter()
        .map(|folder| {
            let status = statuses.get(&folder.name).copied().unwrap_or_default();
            let subscribed = subscribed.contains(&folder.name);
            let mut folder = described(folder, &spelling, subscribed, status);
            if !taken.insert(folder.name.clone()) {
                // Two that read the same: a level of one holds what stands between those of the other.
                let wire = String::from_utf8_lossy(&folder.wire).into_owned();
                folder.name = format!("{} ({wire})", folder.name);
            }
            folder
        })
        .collect();
    folders.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Side { spelling, folders })
}

fn described(listed: Listed, spelling: &Spelling, subscribed: bool, status: Status) -> Folder {
    let own = match listed.name.strip_prefix(spelling.prefix.as_slice()) {
        Some(own) if !own.is_empty() => own,
        _ => &listed.name,
    };
    let mut own = levels(own, spelling.utf8, listed.delimiter);
    if let [only] = own.as_mut_slice()
        && only.eq_ignore_ascii_case("INBOX")
    {
        "INBOX".clone_into(only);
    }
    let special_use = listed
        .attributes
        .iter()
        .map(|word| word.to_ascii_lowercase())
        .find(|word| USES.contains(&word.as_str()));
    Folder {
        name: decode(&listed.name, spelling.utf8, listed.delimiter),
        levels: own,
        special_use,
        subscribed,
        status,
        wire: listed.name,
    }
}

/// What the names of folders begin with.
pub async fn namespaces(session: &mut Session) -> Result<Namespaces, Fault> {
    let mut found = Namespaces::default();
    if session.can("NAMESPACE") {
        let mut each = |response| {
            if let Response::Namespace(namespaces) = response {
                found = namespaces;
            }
        };
        session.plain("NAMESPACE", &mut each).await?;
    }
    Ok(found)
}

/// Every folder, and the names of those that the owner is subscribed to.
async fn listed(session: &mut Session) -> Result<(Vec<Listed>, HashSet<Vec<u8>>), Fault> {
    let (mut all, mut subscribed) = (Vec::new(), HashSet::new());
    let extended = session.can("LIST-EXTENDED") && session.can("SPECIAL-USE");
    let commands: &[&str] = if extended {
        &["LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)"]
    } else {
        &["LIST \"\" \"*\"", "LSUB \"\" \"*\""]
    };
    for command in commands {
        let mut each = |response| match response {
            Response::List(folder) => {
                let is = |word: &String| word.eq_ignore_ascii_case("\\Subscribed");
                if folder.attributes.iter().any(is) {
                    subscribed.insert(folder.name.clone());
                }
                all.push(folder);
            }
            Response::Subscribed(folder) => {
                subscribed.insert(folder.name);
            }
            _ => {}
        };
        session.plain(command, &mut each).await?;
    }
    Ok((all, subscribed))
}

/// STATUS of each of these folders.
pub async fn statuses(
    session: &mut Session,
    names: &[Vec<u8>],
) -> Result<BTreeMap<Vec<u8>, Status>, Fault> {
    let mut items = "MESSAGES UIDNEXT UIDVALIDITY".to_owned();
    for (capability, item) in [("CONDSTORE", " HIGHESTMODSEQ"), ("STATUS=SIZE", " SIZE")] {
        if session.can(capability) {
            items.push_str(item);
        }
    }
    let told = session.statuses(names, &items).await?;
    let read = |items: BTreeMap<String, u64>| {
        let number = |item: &str| items.get(item).copied().unwrap_or_default();
        let small = |item: &str| u32::try_from(number(item)).unwrap_or_default();
        Status {
            messages: small("MESSAGES"),
            uidnext: small("UIDNEXT"),
            uidvalidity: small("UIDVALIDITY"),
            modseq: items.get("HIGHESTMODSEQ").copied().filter(|seq| *seq > 0),
            size: number("SIZE"),
        }
    };
    Ok(told
        .into_iter()
        .map(|(name, items)| (name, read(items)))
        .collect())
}

/// Sends a command about a folder; a refusal is an answer, too.
pub async fn tell(
    session: &mut Session,
    command: &str,
    folder: &[u8],
    rest: &str,
) -> Result<Result<(), Fault>, Fault> {
    use super::super::names::{Part, string};
    let parts = [
        Part::Plain(format!("{command} ").into_bytes()),
        string(folder),
        Part::Plain(rest.as_bytes().to_vec()),
    ];
    let asked = session.ask(command, &parts, &mut NoSink, &mut |_| {}).await;
    match asked {
        Ok(_) => Ok(Ok(())),
        Err(fault @ Fault::Refused { .. }) => Ok(Err(fault)),
        Err(fault) => Err(fault),
    }
}
