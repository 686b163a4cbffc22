//! A phone: Exchange `ActiveSync` 14.1 (MS-ASCMD), as far as listing folders and messages.
use super::wbxml::{Element, decode, encode};
use super::{Doors, http};

/// One device of one person.
pub struct Phone {
    url: String,
    user: String,
    password: String,
    device: String,
}

/// One folder as the phone sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneFolder {
    pub id: String,
    pub name: String,
    /// MS-ASCMD §2.2.3.186.3: 2 inbox, 3 drafts, 4 deleted, 5 sent, 7 tasks, 8 calendar,
    /// 9 contacts, 12 the user's own mail folder.
    pub kind: u8,
}

/// What one Sync brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Synced {
    /// The key for the next Sync: what comes after it is a delta.
    pub key: String,
    /// The ids of what was added, with the subject (for mail).
    pub added: Vec<(String, String)>,
    /// The ids of what was changed.
    pub changed: Vec<String>,
    /// The ids of what was deleted.
    pub deleted: Vec<String>,
}

// Code pages and tags of MS-ASWBXML §2.1.2.1.
const AIRSYNC: u8 = 0;
const EMAIL: u8 = 2;
const FOLDERS: u8 = 7;
const BASE: u8 = 17;

impl Phone {
    /// A phone that is set up with these credentials.
    pub fn new(doors: &Doors, user: &str, password: &str, device: &str) -> Self {
        Self {
            url: format!("{}/Microsoft-Server-ActiveSync", doors.http),
            user: user.to_owned(),
            password: password.to_owned(),
            device: device.to_owned(),
        }
    }

    /// The HTTP status of OPTIONS: 401 when the login is refused.
    pub async fn options(&self) -> Result<u16, String> {
        let request = http()
            .request(reqwest::Method::OPTIONS, &self.url)
            .basic_auth(&self.user, Some(&self.password));
        let answer = request.send().await.map_err(|fault| fault.to_string())?;
        Ok(answer.status().as_u16())
    }

    async fn command(&self, command: &str, body: &Element) -> Result<Option<Element>, String> {
        let answer = http()
            .post(&self.url)
            .query(&[("Cmd", command), ("User", &self.user)])
            .query(&[
                ("DeviceId", self.device.as_str()),
                ("DeviceType", "SmartPhone"),
            ])
            .basic_auth(&self.user, Some(&self.password))
            .header("Content-Type", "application/vnd.ms-sync.wbxml")
            .header("MS-ASProtocolVersion", "14.1")
            .header("X-MS-PolicyKey", "0")
            .header("User-Agent", "Pilothouse-Test/1.0")
            .body(encode(body))
            .send()
            .await
            .map_err(|fault| fault.to_string())?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(|fault| fault.to_string())?;
        if status != 200 {
            return Err(format!(
                "HTTP {status}: {}",
                String::from_utf8_lossy(&bytes)
            ));
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        decode(&bytes)
            .map(Some)
            .ok_or_else(|| format!("not WBXML: {bytes:02x?}"))
    }

    /// Every folder (`FolderSync` from key 0).
    pub async fn folders(&self) -> Result<Vec<PhoneFolder>, String> {
        let body = Element::of(FOLDERS, 0x16, vec![Element::text(FOLDERS, 0x12, "0")]);
        let answer = self
            .command("FolderSync", &body)
            .await?
            .ok_or("an empty answer")?;
        let changes = answer
            .child(FOLDERS, 0x0E)
            .ok_or("no changes in the answer")?;
        let folder = |add: &Element| PhoneFolder {
            id: add.text_of(FOLDERS, 0x08).unwrap_or_default().to_owned(),
            name: add.text_of(FOLDERS, 0x07).unwrap_or_default().to_owned(),
            kind: add
                .text_of(FOLDERS, 0x0A)
                .and_then(|t| t.parse().ok())
                .unwrap_or_default(),
        };
        Ok(changes.all(FOLDERS, 0x0F).map(folder).collect())
    }

    /// Everything in the folder: Sync from key 0 until there is no more.
    pub async fn sync(&self, folder: &str) -> Result<Synced, String> {
        let first = self.sync_once(folder, "0").await?.0;
        self.sync_since(folder, &first.key).await
    }

    /// What changed since `key`.
    pub async fn sync_since(&self, folder: &str, key: &str) -> Result<Synced, String> {
        let mut all = Synced {
            key: key.to_owned(),
            ..Synced::default()
        };
        loop {
            let (part, more) = self.sync_once(folder, &all.key.clone()).await?;
            all.added.extend(part.added);
            all.changed.extend(part.changed);
            all.deleted.extend(part.deleted);
            if !part.key.is_empty() {
                all.key = part.key;
            }
            if !more {
                return Ok(all);
            }
        }
    }

    async fn sync_once(&self, folder: &str, key: &str) -> Result<(Synced, bool), String> {
        let mut asked = vec![
            Element::text(AIRSYNC, 0x0B, key),
            Element::text(AIRSYNC, 0x12, folder),
        ];
        if key != "0" {
            let body_preference = Element::of(
                BASE,
                0x05,
                vec![
                    Element::text(BASE, 0x06, "1"),
                    Element::text(BASE, 0x07, "500"),
                ],
            );
            asked.extend([
                Element::of(AIRSYNC, 0x13, Vec::new()),
                Element::text(AIRSYNC, 0x15, "100"),
                Element::of(AIRSYNC, 0x17, vec![body_preference]),
            ]);
        }
        let collections = Element::of(AIRSYNC, 0x1C, vec![Element::of(AIRSYNC, 0x0F, asked)]);
        let body = Element::of(AIRSYNC, 0x05, vec![collections]);
        let Some(answer) = self.command("Sync", &body).await? else {
            return Ok((Synced::default(), false));
        };
        let collection = answer
            .child(AIRSYNC, 0x1C)
            .and_then(|list| list.child(AIRSYNC, 0x0F))
            .ok_or("no collection in the answer")?;
        match collection.text_of(AIRSYNC, 0x0E) {
            Some("1") => {}
            other => return Err(format!("Sync status {other:?}")),
        }
        Ok((
            synced(collection),
            collection.child(AIRSYNC, 0x14).is_some(),
        ))
    }
}

fn synced(collection: &Element) -> Synced {
    let id = |e: &Element| e.text_of(AIRSYNC, 0x0D).unwrap_or_default().to_owned();
    let subject = |e: &Element| {
        let data = e.child(AIRSYNC, 0x1D);
        data.and_then(|d| d.text_of(EMAIL, 0x14))
            .unwrap_or_default()
            .to_owned()
    };
    let mut result = Synced {
        key: collection
            .text_of(AIRSYNC, 0x0B)
            .unwrap_or_default()
            .to_owned(),
        ..Synced::default()
    };
    if let Some(commands) = collection.child(AIRSYNC, 0x16) {
        result.added = commands
            .all(AIRSYNC, 0x07)
            .map(|e| (id(e), subject(e)))
            .collect();
        result.changed = commands.all(AIRSYNC, 0x08).map(id).collect();
        result.deleted = commands
            .all(AIRSYNC, 0x09)
            .chain(commands.all(AIRSYNC, 0x21))
            .map(id)
            .collect();
    }
    result
}
