//! A conversation: one tag per command, answers told apart from what the server says unasked.
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;

use secrecy::ExposeSecret as _;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::connect::{self, From, To};
use super::names::{Part, string};
use super::response::{Fetched, Listed, Response, Said, Status, understand};
use super::wire::{NoSink, Reader, Sink, Writer};
use super::{Fault, Login, PATIENCE};
use crate::domain::mailserver::Security;

/// Commands that are under way at once: few enough that neither side waits for the other to read.
const PIPELINE: usize = 32;
/// No line before TLS is longer.
const MAX_CLEAR_LINE: usize = 8192;

/// A signed-in connection.
pub struct Session {
    reader: Reader<From>,
    writer: Writer<To>,
    place: String,
    tags: u32,
    capabilities: BTreeSet<String>,
    enabled: BTreeSet<String>,
}

/// An opened folder.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opened {
    pub uidvalidity: Option<u32>,
    pub uidnext: Option<u32>,
    pub exists: u32,
    /// HIGHESTMODSEQ, where the server keeps one for this folder.
    pub modseq: Option<u64>,
}

impl Session {
    /// Connects and signs in.
    pub async fn open(login: &Login) -> Result<Self, Fault> {
        let stream = connect::tcp(login).await?;
        let mut session = match login.security {
            Security::None => Self::on(connect::plain(stream), login),
            Security::Tls => Self::on(connect::tls(stream, login).await?, login),
            Security::Starttls => Self::on(starttls(stream, login).await?, login),
        };
        if login.security == Security::Starttls {
            // The greeting came before the handshake.
            session.sign_in(login).await?;
            session.enable().await?;
            return Ok(session);
        }
        match session.next(&mut NoSink).await? {
            Response::Said(said) if said.status == Status::Ok => {
                session.learn(&said);
                session.sign_in(login).await?;
            }
            Response::Said(said) if said.status == Status::Preauth => session.learn(&said),
            _ => return Err(Fault::Malformed),
        }
        session.enable().await?;
        Ok(session)
    }

    fn on((from, to): (From, To), login: &Login) -> Self {
        Self {
            place: login.place.clone(),
            reader: Reader::new(from, PATIENCE),
            writer: Writer::new(to, PATIENCE),
            tags: 0,
            capabilities: BTreeSet::new(),
            enabled: BTreeSet::new(),
        }
    }

    async fn sign_in(&mut self, login: &Login) -> Result<(), Fault> {
        let parts = [
            Part::Plain(b"LOGIN ".to_vec()),
            string(login.user.as_bytes()),
            Part::Plain(b" ".to_vec()),
            string(login.password.expose_secret().as_bytes()),
        ];
        // What was known before is not what holds after (RFC 9051 §6.2.3).
        self.capabilities.clear();
        let asked = self
            .ask("signing in", &parts, &mut NoSink, &mut |_| {})
            .await;
        let said = asked.map_err(|fault| match fault {
            Fault::Refused { said, .. } if login.as_administrator => Fault::NotLetIn(said.text),
            fault => fault,
        })?;
        self.learn(&said);
        if self.capabilities.is_empty() {
            self.plain("CAPABILITY", &mut |_| {}).await?;
        }
        Ok(())
    }

    /// Asks for change counters in every folder that is opened (RFC 7162): a server may keep none
    /// in a folder until somebody asks, and a phone that syncs by them would then see no mail.
    async fn enable(&mut self) -> Result<(), Fault> {
        if !self.can("ENABLE") {
            return Ok(());
        }
        let wanted = ["CONDSTORE", "QRESYNC", "UTF8=ACCEPT"];
        for word in wanted
            .into_iter()
            .filter(|word| self.can(word))
            .collect::<Vec<_>>()
        {
            self.plain(&format!("ENABLE {word}"), &mut |_| {}).await?;
        }
        Ok(())
    }

    /// Where the server is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Whether the server said that it can.
    pub fn can(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// Whether an extension was switched on.
    pub fn has_enabled(&self, extension: &str) -> bool {
        self.enabled.contains(extension)
    }

    /// Whether names are UTF-8 on the wire (RFC 6855).
    pub fn utf8(&self) -> bool {
        self.enabled.contains("UTF8=ACCEPT")
    }

    /// Every folder.
    pub async fn list(&mut self) -> Result<Vec<Listed>, Fault> {
        let mut all = Vec::new();
        let mut each = |response| {
            if let Response::List(listed) = response {
                all.push(listed);
            }
        };
        self.plain("LIST \"\" \"*\"", &mut each).await?;
        Ok(all)
    }

    /// STATUS of each folder, many at a time; a folder that cannot tell is left out.
    pub async fn statuses(
        &mut self,
        folders: &[Vec<u8>],
        items: &str,
    ) -> Result<BTreeMap<Vec<u8>, BTreeMap<String, u64>>, Fault> {
        let mut found = BTreeMap::new();
        for some in folders.chunks(PIPELINE) {
            let mut tags = VecDeque::new();
            for name in some {
                let end = Part::Plain(format!(" ({items})").into_bytes());
                let parts = [Part::Plain(b"STATUS ".to_vec()), string(name), end];
                tags.push_back(self.send(&parts).await?);
            }
            let mut each = |response| {
                if let Response::StatusOf(name, items) = response {
                    found.insert(name, items);
                }
            };
            for tag in tags {
                self.until(&tag, &mut NoSink, &mut each).await?;
            }
        }
        Ok(found)
    }

    /// Opens a folder for reading only.
    pub async fn examine(&mut self, folder: &[u8]) -> Result<Opened, Fault> {
        self.open_folder("EXAMINE ", folder).await
    }

    /// Opens a folder for writing.
    pub async fn select(&mut self, folder: &[u8]) -> Result<Opened, Fault> {
        self.open_folder("SELECT ", folder).await
    }

    async fn open_folder(&mut self, command: &str, folder: &[u8]) -> Result<Opened, Fault> {
        let mut opened = Opened::default();
        let mut each = |response| match response {
            Response::Exists(count) => opened.exists = count,
            Response::Said(said) => match said.code.as_deref() {
                Some("UIDVALIDITY") => opened.uidvalidity = said.argument.parse().ok(),
                Some("HIGHESTMODSEQ") => opened.modseq = said.argument.parse().ok(),
                Some("UIDNEXT") => opened.uidnext = said.argument.parse().ok(),
                _ => {}
            },
            _ => {}
        };
        let parts = [Part::Plain(command.as_bytes().to_vec()), string(folder)];
        self.ask("opening a folder", &parts, &mut NoSink, &mut each)
            .await?;
        Ok(opened)
    }

    /// UID FETCH; what it brings is told message by message; bodies go to the sink.
    pub async fn uid_fetch(
        &mut self,
        uids: &str,
        items: &str,
        sink: &mut dyn Sink,
        each: &mut (dyn FnMut(Fetched) + Send),
    ) -> Result<(), Fault> {
        let parts = [Part::Plain(
            format!("UID FETCH {uids} ({items})").into_bytes(),
        )];
        let tag = self.send(&parts).await?;
        loop {
            match self.next(sink).await? {
                Response::Fetch(fetched) => each(fetched),
                Response::Done(done, said) if done == tag => {
                    return fine("reading messages", said).map(|_| ());
                }
                _ => {}
            }
        }
    }

    /// Says goodbye; whether the server answers does not matter.
    pub async fn close(mut self) {
        let _ = self.send(&[Part::Plain(b"LOGOUT".to_vec())]).await;
    }

    /// A command without strings.
    pub async fn plain(
        &mut self,
        command: &str,
        each: &mut (dyn FnMut(Response) + Send),
    ) -> Result<Said, Fault> {
        let parts = [Part::Plain(command.as_bytes().to_vec())];
        self.ask(command, &parts, &mut NoSink, each).await
    }

    /// A command, up to its end.
    pub async fn ask(
        &mut self,
        what: &str,
        parts: &[Part],
        sink: &mut dyn Sink,
        each: &mut (dyn FnMut(Response) + Send),
    ) -> Result<Said, Fault> {
        let tag = self.send(parts).await?;
        let said = self.until(&tag, sink, each).await?;
        fine(what, said)
    }

    /// A tag that was not used yet.
    pub fn fresh_tag(&mut self) -> String {
        self.tags += 1;
        format!("p{}", self.tags)
    }

    /// Sends bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        Ok(self.writer.send(bytes).await?)
    }

    /// Sends a command; a literal in it waits until the server is ready (RFC 9051 §4.3).
    pub async fn send(&mut self, parts: &[Part]) -> Result<String, Fault> {
        let tag = self.fresh_tag();
        let mut line = format!("{tag} ").into_bytes();
        for part in parts {
            match part {
                Part::Plain(bytes) => line.extend_from_slice(bytes),
                Part::Literal(bytes) => {
                    line.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
                    self.writer.send(&line).await?;
                    self.wait_for_continue(&tag).await?;
                    line.clone_from(bytes);
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        self.writer.send(&line).await?;
        Ok(tag)
    }

    async fn wait_for_continue(&mut self, tag: &str) -> Result<(), Fault> {
        loop {
            match self.next(&mut NoSink).await? {
                Response::Continue => return Ok(()),
                Response::Done(done, said) if done == tag => {
                    return fine("sending a name", said).and(Err(Fault::Malformed));
                }
                _ => {}
            }
        }
    }

    /// Reads up to the end of the command with this tag.
    async fn until(
        &mut self,
        tag: &str,
        sink: &mut dyn Sink,
        each: &mut (dyn FnMut(Response) + Send),
    ) -> Result<Said, Fault> {
        loop {
            match self.next(sink).await? {
                Response::Done(done, said) if done == tag => return Ok(said),
                response => each(response),
            }
        }
    }

    /// The next response. Goodbyes end the conversation; capabilities are remembered.
    pub async fn next(&mut self, sink: &mut dyn Sink) -> Result<Response, Fault> {
        let pieces = self.reader.response(sink).await?;
        let response = understand(&pieces).ok_or(Fault::Malformed)?;
        match &response {
            Response::Said(said) if said.status == Status::Bye => {
                Err(Fault::Bye(said.text.clone()))
            }
            Response::Capability(words) => {
                self.capabilities.extend(words.iter().cloned());
                Ok(response)
            }
            Response::Enabled(words) => {
                self.enabled.extend(words.iter().cloned());
                Ok(response)
            }
            _ => Ok(response),
        }
    }

    fn learn(&mut self, said: &Said) {
        if said.code.as_deref() == Some("CAPABILITY") {
            self.capabilities = said
                .argument
                .split(' ')
                .map(str::to_ascii_uppercase)
                .collect();
        }
    }
}

/// Asks for STARTTLS and shakes hands. What the server sent in the clear beyond its answer would
/// have been put there by somebody between: the connection is then not used (RFC 9051 §11.1).
async fn starttls(mut stream: TcpStream, login: &Login) -> Result<(From, To), Fault> {
    let greeting = clear_line(&mut stream).await?;
    if !greeting.starts_with(b"* OK") {
        return Err(Fault::Unsafe(
            "it does not greet in a way that TLS can follow".to_owned(),
        ));
    }
    let mut writer = Writer::new(&mut stream, PATIENCE);
    writer.send(b"s1 STARTTLS\r\n").await?;
    loop {
        let line = clear_line(&mut stream).await?;
        if line.starts_with(b"s1 OK") {
            return connect::tls(stream, login).await;
        }
        if line.starts_with(b"s1 ") {
            return Err(Fault::Unsafe("it does not offer STARTTLS".to_owned()));
        }
    }
}

/// A line, read byte by byte so that nothing behind it is taken.
async fn clear_line(stream: &mut TcpStream) -> Result<Vec<u8>, Fault> {
    let read = async {
        let mut line = Vec::new();
        while line.len() < MAX_CLEAR_LINE && !line.ends_with(b"\n") {
            line.push(stream.read_u8().await?);
        }
        Ok::<_, io::Error>(line)
    };
    let read = tokio::time::timeout(PATIENCE, read).await;
    Ok(read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)
}

/// The outcome of a command as a result.
pub fn fine(what: &str, said: Said) -> Result<Said, Fault> {
    if said.status == Status::Ok {
        Ok(said)
    } else {
        Err(Fault::Refused {
            what: what.to_owned(),
            said,
        })
    }
}
