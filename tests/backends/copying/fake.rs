//! An IMAP server in the test, as poor or as odd as it is told to be. It keeps mail, speaks enough
//! of RFC 3501 to be copied from and to, and can hang up in the middle of anything.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pilothouse::backends::imap::Login;
use pilothouse::backends::imap::copy::End;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub uid: u32,
    pub flags: String,
    pub date: String,
    pub body: Vec<u8>,
}

/// A folder.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    pub uidvalidity: u32,
    pub uidnext: u32,
    pub letters: Vec<Letter>,
}

/// What a server holds and how it behaves.
#[derive(Default)]
pub struct State {
    pub folders: BTreeMap<String, Folder>,
    pub capabilities: String,
    /// FETCH answers backwards, and tells the UID after the text.
    pub backwards: bool,
    /// Hangs up for good after so many bytes, read or written.
    pub bytes_left: Option<usize>,
    /// Says NO, with this text, to messages that contain these bytes.
    pub refuses: Option<(Vec<u8>, String)>,
    made: u32,
    /// Conversations that it has not ended.
    talks: u32,
}

impl State {
    pub fn create(&mut self, name: &str) {
        self.made += 1;
        let uidvalidity = 100 + self.made;
        let folder = Folder {
            uidvalidity,
            uidnext: 1,
            letters: Vec::new(),
        };
        self.folders.entry(name.to_owned()).or_insert(folder);
    }

    pub fn put(&mut self, folder: &str, flags: &str, date: &str, body: &[u8]) -> u32 {
        let folder = self.folders.get_mut(folder).unwrap();
        let uid = folder.uidnext;
        folder.uidnext += 1;
        let (flags, date, body) = (flags.to_owned(), date.to_owned(), body.to_vec());
        folder.letters.push(Letter {
            uid,
            flags,
            date,
            body,
        });
        uid
    }

    /// Everything but numbers, in an order that does not matter.
    pub fn contents(&self) -> Vec<(String, String, String, Vec<u8>)> {
        let mut all = Vec::new();
        for (name, folder) in &self.folders {
            for one in &folder.letters {
                let row = (
                    name.clone(),
                    one.flags.clone(),
                    one.date.clone(),
                    one.body.clone(),
                );
                all.push(row);
            }
        }
        all.sort();
        all
    }
}

/// A running server.
#[derive(Clone)]
pub struct Fake {
    pub state: Arc<Mutex<State>>,
    place: String,
}

impl Fake {
    pub async fn start(capabilities: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let mut state = State {
            capabilities: capabilities.to_owned(),
            ..State::default()
        };
        state.create("INBOX");
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().talks += 1;
                let shared = shared.clone();
                tokio::spawn(async move {
                    Talk::new(stream, shared.clone()).run().await;
                    shared.lock().unwrap().talks -= 1;
                });
            }
        });
        Self { state, place }
    }

    /// Waits until it has done all that it was told by clients that are gone.
    pub async fn idle(&self) {
        while self.state.lock().unwrap().talks > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn end(&self) -> End {
        let password = "secret".to_owned().into();
        let login = Login::on_loopback(self.place.clone(), "ann".to_owned(), password);
        End {
            login,
            numbering: None,
        }
    }
}

struct Talk {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    state: Arc<Mutex<State>>,
    opened: String,
}

/// A command: its text, with a mark for each literal, and the literals.
struct Command {
    text: String,
    literals: Vec<Vec<u8>>,
}

impl Talk {
    fn new(stream: TcpStream, state: Arc<Mutex<State>>) -> Self {
        let (from, to) = stream.into_split();
        let from = BufReader::new(from);
        Self {
            from,
            to,
            state,
            opened: String::new(),
        }
    }

    async fn run(mut self) {
        if self.say(b"* OK hello\r\n").await.is_none() {
            return;
        }
        while let Some(command) = self.command().await {
            let answer = self.answer(&command);
            if self.say(&answer).await.is_none() {
                return;
            }
        }
    }

    /// How many of so many bytes may still pass.
    fn allowance(&self, bytes: usize) -> usize {
        let mut state = self.state.lock().unwrap();
        let Some(left) = &mut state.bytes_left else {
            return bytes;
        };
        let passing = bytes.min(*left);
        *left -= passing;
        passing
    }

    async fn say(&mut self, bytes: &[u8]) -> Option<()> {
        let passing = self.allowance(bytes.len());
        self.to.write_all(&bytes[..passing]).await.ok()?;
        (passing == bytes.len()).then_some(())
    }

    async fn command(&mut self) -> Option<Command> {
        let mut command = Command {
            text: String::new(),
            literals: Vec::new(),
        };
        loop {
            let mut line = Vec::new();
            self.from.read_until(b'\n', &mut line).await.ok()?;
            if !line.ends_with(b"\n") || self.allowance(line.len()) < line.len() {
                return None;
            }
            let line = String::from_utf8(line).unwrap();
            let line = line.trim_end();
            let Some((before, size)) = literal(line) else {
                command.text.push_str(line);
                return Some(command);
            };
            command.text.push_str(before);
            command.text.push('\u{1}');
            let waits = !line.ends_with("+}");
            if waits {
                self.say(b"+ go on\r\n").await?;
            }
            let mut bytes = vec![0; size];
            self.from.read_exact(&mut bytes).await.ok()?;
            if self.allowance(size) < size {
                return None;
            }
            command.literals.push(bytes);
        }
    }

    fn answer(&mut self, command: &Command) -> Vec<u8> {
        let (tag, rest) = command.text.split_once(' ').unwrap();
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (word, rest) = match rest.split_once(' ') {
            Some((second, rest)) if word == "UID" => (format!("UID {second}"), rest),
            _ => (word.to_owned(), rest),
        };
        let state = self.state.clone();
        let mut state = state.lock().unwrap();
        let outcome = match word.as_str() {
            "CAPABILITY" => Ok(format!("* CAPABILITY {}\r\n", state.capabilities).into_bytes()),
            "NAMESPACE" => Ok(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".to_vec()),
            "LIST" => Ok(listed(&state)),
            "CREATE" => {
                state.create(&unquoted(rest));
                Ok(Vec::new())
            }
            "STATUS" => status(&state, rest),
            "SELECT" | "EXAMINE" => {
                self.opened = unquoted(rest);
                opened(&state, &self.opened)
            }
            "UID FETCH" => Ok(fetch(&state, &self.opened, rest)),
            "UID STORE" => {
                store(&mut state, &self.opened, rest);
                Ok(Vec::new())
            }
            "UID SEARCH" => Ok(search(&state, &self.opened, rest)),
            "EXPUNGE" | "UID EXPUNGE" => {
                expunge(&mut state, &self.opened, rest);
                Ok(Vec::new())
            }
            "APPEND" => return append(&mut state, tag, rest, &command.literals),
            _ => Ok(Vec::new()),
        };
        match outcome {
            Ok(said) => [said, format!("{tag} OK done\r\n").into_bytes()].concat(),
            Err(said) => format!("{tag} NO {said}\r\n").into_bytes(),
        }
    }
}

fn literal(line: &str) -> Option<(&str, usize)> {
    let (before, size) = line.strip_suffix('}')?.rsplit_once('{')?;
    Some((before, size.trim_end_matches('+').parse().ok()?))
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches('"').to_owned()
}

fn listed(state: &State) -> Vec<u8> {
    let line = |name: &String| format!("* LIST () \"/\" \"{name}\"\r\n");
    state
        .folders
        .keys()
        .map(line)
        .collect::<String>()
        .into_bytes()
}

fn status(state: &State, rest: &str) -> Result<Vec<u8>, String> {
    let (name, _) = rest.split_once(" (").unwrap();
    let name = unquoted(name);
    let folder = state
        .folders
        .get(&name)
        .ok_or("[NONEXISTENT] no such folder")?;
    let said = format!(
        "* STATUS \"{name}\" (MESSAGES {} UIDNEXT {} UIDVALIDITY {})\r\n",
        folder.letters.len(),
        folder.uidnext,
        folder.uidvalidity
    );
    Ok(said.into_bytes())
}

fn opened(state: &State, name: &str) -> Result<Vec<u8>, String> {
    let folder = state
        .folders
        .get(name)
        .ok_or("[NONEXISTENT] no such folder")?;
    let said = format!(
        "* {} EXISTS\r\n* OK [UIDVALIDITY {}] so\r\n* OK [UIDNEXT {}] so\r\n",
        folder.letters.len(),
        folder.uidvalidity,
        folder.uidnext
    );
    Ok(said.into_bytes())
}

fn is_in(set: &str, uid: u32) -> bool {
    set.split(',').any(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        let last = if last == "*" {
            u32::MAX
        } else {
            last.parse().unwrap()
        };
        (first.parse().unwrap()..=last).contains(&uid)
    })
}

fn fetch(state: &State, opened: &str, rest: &str) -> Vec<u8> {
    let (set, items) = rest.split_once(' ').unwrap();
    let mut said = Vec::new();
    let letters = state.folders[opened].letters.iter().enumerate();
    let mut letters: Vec<_> = letters.filter(|(_, one)| is_in(set, one.uid)).collect();
    if state.backwards {
        letters.reverse();
    }
    for (at, one) in letters {
        said.extend(format!("* {} FETCH (", at + 1).into_bytes());
        let mut parts: Vec<Vec<u8>> = vec![format!("UID {}", one.uid).into_bytes()];
        if items.contains("BODY.PEEK[]") {
            let head = format!("BODY[] {{{}}}\r\n", one.body.len()).into_bytes();
            parts.push([head, one.body.clone()].concat());
        }
        if items.contains("FLAGS") {
            let size = one.body.len();
            let marks = format!(
                "FLAGS ({}) INTERNALDATE \"{}\" RFC822.SIZE {size}",
                one.flags, one.date
            );
            parts.push(marks.into_bytes());
        }
        if state.backwards {
            parts.reverse();
        }
        said.extend(parts.join(&b' '));
        said.extend(b")\r\n");
    }
    said
}

fn store(state: &mut State, opened: &str, rest: &str) {
    let mut words = rest.splitn(3, ' ');
    let (set, what) = (words.next().unwrap(), words.next().unwrap());
    let flags = words.next().unwrap().trim_matches(['(', ')']);
    let letters = &mut state.folders.get_mut(opened).unwrap().letters;
    for one in letters.iter_mut().filter(|one| is_in(set, one.uid)) {
        let mut now: Vec<&str> = one
            .flags
            .split(' ')
            .filter(|flag| !flag.is_empty())
            .collect();
        match what.chars().next() {
            Some('+' | '-') => now.retain(|flag| !flags.split(' ').any(|other| other == *flag)),
            _ => now.clear(),
        }
        if !what.starts_with('-') {
            now.extend(flags.split(' ').filter(|flag| !flag.is_empty()));
        }
        now.sort_unstable();
        one.flags = now.join(" ");
    }
}

fn search(state: &State, opened: &str, rest: &str) -> Vec<u8> {
    let wanted = |one: &&Letter| rest == "ALL" || one.flags.contains("\\Deleted");
    let found = state.folders[opened].letters.iter().filter(wanted);
    let uids: Vec<_> = found.map(|one| one.uid.to_string()).collect();
    format!("* SEARCH {}\r\n", uids.join(" ")).into_bytes()
}

fn expunge(state: &mut State, opened: &str, set: &str) {
    let letters = &mut state.folders.get_mut(opened).unwrap().letters;
    let meant = |uid| set.is_empty() || is_in(set, uid);
    letters.retain(|one| !(one.flags.contains("\\Deleted") && meant(one.uid)));
}

fn append(state: &mut State, tag: &str, rest: &str, literals: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = rest.split('\u{1}');
    let first = parts.next().unwrap();
    let (name, first) = first
        .split_once(" (")
        .unwrap_or_else(|| panic!("{tag} APPEND {rest:?}"));
    let name = unquoted(name);
    let refused = state.refuses.clone().filter(|(bytes, _)| {
        let has = |body: &Vec<u8>| body.windows(bytes.len()).any(|window| window == bytes);
        literals.iter().any(has)
    });
    if let Some((_, words)) = refused {
        return format!("{tag} NO {words}\r\n").into_bytes();
    }
    let mut uids = Vec::new();
    let mut head = first.to_owned();
    for body in literals {
        let (flags, date) = head.split_once(") \"").unwrap();
        let date = date.trim_end().trim_end_matches('"');
        uids.push(state.put(&name, flags, date, body).to_string());
        let next = parts.next().unwrap_or_default();
        next.trim_start_matches(" (").clone_into(&mut head);
    }
    let validity = state.folders[&name].uidvalidity;
    let told = if state.capabilities.contains("UIDPLUS") {
        format!("[APPENDUID {validity} {}] ", uids.join(","))
    } else {
        String::new()
    };
    format!("{tag} OK {told}appended\r\n").into_bytes()
}
