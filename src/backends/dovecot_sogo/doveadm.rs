//! The doveadm HTTP API of Dovecot 2.3 (doc.dovecot.org, "Doveadm HTTP API"), as much as we use.
//!
//! One command a request wherever an answer matters: a command that Dovecot chokes on ends the
//! worker without an answer, and every other answer of that request is lost with it. A connection
//! that breaks therefore means *unknown outcome*; everything sent from here may be repeated.
use std::time::Duration;

use base64::Engine as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::backends::ServerError;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(20);
/// Pauses before the second and third try.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// How many read-only commands share a request.
const TOGETHER: usize = 50;

/// A command. Only these are ever sent, so their names and the types of their parameters cannot
/// be wrong: a parameter of the wrong type kills Dovecot's worker.
#[derive(Debug, Clone)]
pub(super) enum Command<'a> {
    /// Forget cached logins of one person; `None` of all. (Without the parameter it kills the
    /// worker, so it is always sent.)
    FlushLogins(Option<&'a str>),
    /// Drop open sessions. It does not wait until they have ended.
    Kick(&'a str),
    /// Open sessions, a row each.
    Who(&'a str),
    /// Count messages and bytes of a whole mailbox.
    Count(&'a str),
    /// Destroy every message of every folder. The folders stay: INBOX cannot be deleted, and
    /// asking for it makes the whole command fail.
    Expunge(&'a str),
    /// Set the numbers of a folder. UIDs only grow: a next UID below what it is is let pass.
    Number {
        /// Whose mailbox.
        user: &'a str,
        /// The folder, in UTF-8.
        folder: &'a str,
        /// UIDVALIDITY.
        uidvalidity: Option<u32>,
        /// The next message gets this UID or a higher one.
        next_uid: Option<u32>,
    },
    /// The names of a person's filter scripts, and which is in force.
    SieveList(&'a str),
    /// A script.
    SieveGet {
        /// Whose.
        user: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// Make or replace a script.
    SievePut {
        /// Whose.
        user: &'a str,
        /// Its name.
        name: &'a str,
        /// The script.
        script: &'a str,
    },
    /// Put a script in force.
    SieveActivate {
        /// Whose.
        user: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// Put no script in force.
    SieveDeactivate(&'a str),
    /// Remove a script that is not in force.
    SieveDelete {
        /// Whose.
        user: &'a str,
        /// Its name.
        name: &'a str,
    },
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// It worked; these are its rows.
    Rows(Vec<Value>),
    /// It did not; Dovecot gives no more than the exit code (sysexits.h).
    Exit(i64),
}

/// There is no such user.
pub(super) const NO_USER: i64 = 67;
/// There is no such folder or connection.
pub(super) const NOT_FOUND: i64 = 68;

impl Command<'_> {
    fn parts(&self) -> (&'static str, Value) {
        match self {
            Self::FlushLogins(user) => (
                "authCacheFlush",
                json!({"user": user.iter().collect::<Vec<_>>()}),
            ),
            Self::Kick(user) => ("kick", json!({"mask": [user]})),
            Self::Who(user) => ("who", json!({"mask": [user], "separateConnections": true})),
            Self::Count(user) => (
                "mailboxStatus",
                json!({"user": user, "field": ["messages", "vsize"], "mailboxMask": ["*"],
                       "totalSum": true}),
            ),
            Self::Expunge(user) => (
                "expunge",
                json!({"user": user, "query": ["mailbox", "*", "ALL"]}),
            ),
            Self::Number {
                user,
                folder,
                uidvalidity,
                next_uid,
            } => {
                let mut parameters = json!({"user": user, "mailbox": folder});
                let numbers = [("uidValidity", uidvalidity), ("minNextUid", next_uid)];
                for (name, number) in numbers {
                    if let Some(number) = number {
                        parameters[name] = number.to_string().into();
                    }
                }
                ("mailboxUpdate", parameters)
            }
            Self::SieveList(user) => ("sieveList", json!({"user": user})),
            Self::SieveGet { user, name } => {
                ("sieveGet", json!({"user": user, "scriptname": name}))
            }
            Self::SievePut { user, name, script } => (
                "sievePut",
                json!({"user": user, "scriptname": name, "file": script}),
            ),
            Self::SieveActivate { user, name } => {
                ("sieveActivate", json!({"user": user, "scriptname": name}))
            }
            Self::SieveDeactivate(user) => ("sieveDeactivate", json!({"user": user})),
            Self::SieveDelete { user, name } => {
                ("sieveDelete", json!({"user": user, "scriptname": [name]}))
            }
        }
    }
}

/// Whether a server's own list has every command that we send, with every parameter in the type
/// that we send it in.
pub(super) fn check_commands(listed: &Value) -> Result<(), ServerError> {
    let listed = listed.as_array().map(Vec::as_slice).unwrap_or_default();
    for command in EVERY {
        let (name, parameters) = command.parts();
        let known = listed.iter().find(|one| one["command"] == name);
        let typed = |(parameter, value): (&String, &Value)| {
            let of = known.and_then(|one| one["parameters"].as_array());
            let found = of.and_then(|list| list.iter().find(|one| one["name"] == **parameter));
            found.is_some_and(|one| one["type"] == type_of(value))
        };
        if !parameters
            .as_object()
            .is_some_and(|all| all.iter().all(typed))
        {
            let why = format!("this Dovecot's doveadm has no {name} as the panel sends it");
            return Err(ServerError::Refused(why));
        }
    }
    Ok(())
}

/// One of each command.
const EVERY: [Command<'static>; 13] = [
    Command::FlushLogins(Some("")),
    Command::FlushLogins(None),
    Command::Kick(""),
    Command::Who(""),
    Command::Count(""),
    Command::Expunge(""),
    Command::Number {
        user: "",
        folder: "",
        uidvalidity: Some(1),
        next_uid: Some(1),
    },
    Command::SieveList(""),
    Command::SieveGet { user: "", name: "" },
    Command::SievePut {
        user: "",
        name: "",
        script: "",
    },
    Command::SieveActivate { user: "", name: "" },
    Command::SieveDeactivate(""),
    Command::SieveDelete { user: "", name: "" },
];

/// Doveadm's name of the type of a value.
const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Null | Value::Object(_) => "none",
    }
}

/// The client. It opens a connection per request, as Dovecot closes each.
pub(super) struct Doveadm {
    http: reqwest::Client,
    url: Url,
    authorization: SecretString,
}

impl Doveadm {
    pub(super) fn new(url: Url, key: &SecretString) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(3))
            .timeout(LIMIT)
            .build()?;
        let key = base64::engine::general_purpose::STANDARD.encode(key.expose_secret());
        let authorization = format!("X-Dovecot-API {key}").into();
        Ok(Self {
            http,
            url,
            authorization,
        })
    }

    /// One command, repeated when it may have been lost.
    pub(super) async fn run(&self, command: &Command<'_>) -> Result<Reply, ServerError> {
        let mut replies = self.send(std::slice::from_ref(command)).await?;
        replies.pop().ok_or_else(|| unknown("an empty answer"))
    }

    /// Read-only commands, many to a request; in the order asked.
    pub(super) async fn run_all(
        &self,
        commands: &[Command<'_>],
    ) -> Result<Vec<Reply>, ServerError> {
        let mut all = Vec::with_capacity(commands.len());
        for some in commands.chunks(TOGETHER) {
            match self.send(some).await {
                Ok(replies) => all.extend(replies),
                Err(fault) if some.len() == 1 => return Err(fault),
                // One of them broke it: ask each by itself.
                Err(_) => {
                    for command in some {
                        all.push(self.run(command).await?);
                    }
                }
            }
        }
        Ok(all)
    }

    /// The commands that this Dovecot knows, with their parameters and types.
    pub(super) async fn known_commands(&self) -> Result<Value, ServerError> {
        let request = self.http.get(self.url.clone());
        let answer = self.ask(request).await?;
        serde_json::from_slice(&answer).map_err(|_| unknown("a list that is not JSON"))
    }

    async fn send(&self, commands: &[Command<'_>]) -> Result<Vec<Reply>, ServerError> {
        let mut tries = PAUSES.iter();
        loop {
            match self.send_once(commands).await {
                Err(fault @ ServerError::Unreachable(_)) => match tries.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(fault),
                },
                other => return other,
            }
        }
    }

    async fn send_once(&self, commands: &[Command<'_>]) -> Result<Vec<Reply>, ServerError> {
        let batch: Vec<_> = commands
            .iter()
            .enumerate()
            .map(|(i, command)| {
                let (name, parameters) = command.parts();
                json!([name, parameters, i.to_string()])
            })
            .collect();
        let answer = self
            .ask(self.http.post(self.url.clone()).json(&batch))
            .await?;
        replies(&answer, commands.len())
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<bytes::Bytes, ServerError> {
        let lost = |fault: reqwest::Error| unknown(&root_of(&fault.without_url()));
        let answer = request
            .header("Authorization", self.authorization.expose_secret())
            .send()
            .await
            .map_err(lost)?;
        match answer.status().as_u16() {
            200 => answer.bytes().await.map_err(lost),
            401 => Err(ServerError::Refused(
                "doveadm does not accept our API key".to_owned(),
            )),
            status @ 500.. => Err(ServerError::Busy(format!("doveadm answered {status}"))),
            status => Err(ServerError::Refused(format!("doveadm answered {status}"))),
        }
    }
}

fn unknown(what: &str) -> ServerError {
    ServerError::Unreachable(format!("doveadm: {what}"))
}

/// The innermost cause, which is what tells something ("Connection refused").
fn root_of(fault: &dyn std::error::Error) -> String {
    let mut cause = fault;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// Reads `[["doveadmResponse", [row, …], "0"], ["error", {"exitCode": 68}, "1"]]`. Dovecot lets rows
/// spill out of their list (`["doveadmResponse", [{…}], {…}, "0"]`), so everything between the
/// first and the last place is a row.
fn replies(answer: &[u8], count: usize) -> Result<Vec<Reply>, ServerError> {
    let list: Vec<Vec<Value>> =
        serde_json::from_slice(answer).map_err(|_| unknown("an answer that is not JSON"))?;
    let mut replies: Vec<Option<Reply>> = vec![None; count];
    for entry in list {
        let [kind, body @ .., tag] = entry.as_slice() else {
            return Err(unknown("an answer without a tag"));
        };
        let place = tag.as_str().and_then(|tag| tag.parse::<usize>().ok());
        let place = place.and_then(|place| replies.get_mut(place));
        let place = place.ok_or_else(|| unknown("an answer to something else"))?;
        *place = Some(match kind.as_str() {
            Some("doveadmResponse") => Reply::Rows(rows(body)),
            Some("error") => fault(body)?,
            _ => return Err(unknown("an answer of another kind")),
        });
    }
    let all: Option<Vec<_>> = replies.into_iter().collect();
    all.ok_or_else(|| unknown("fewer answers than commands"))
}

fn rows(body: &[Value]) -> Vec<Value> {
    let spilled = |value: &Value| match value {
        Value::Array(rows) => rows.clone(),
        row => vec![row.clone()],
    };
    body.iter().flat_map(spilled).collect()
}

fn fault(body: &[Value]) -> Result<Reply, ServerError> {
    let code = body
        .first()
        .and_then(|b| b.get("exitCode"))
        .and_then(Value::as_i64);
    code.map(Reply::Exit)
        .ok_or_else(|| ServerError::Refused("doveadm does not know the command".to_owned()))
}

impl Reply {
    /// Rows, or the exit code as an error; the codes in `fine` count as no rows.
    pub(super) fn rows(self, what: &str, fine: &[i64]) -> Result<Vec<Value>, ServerError> {
        match self {
            Self::Rows(rows) => Ok(rows),
            Self::Exit(code) if fine.contains(&code) => Ok(Vec::new()),
            // EX_TEMPFAIL: a lock, a full disk, permissions.
            Self::Exit(75) => Err(ServerError::Busy(format!(
                "doveadm {what}: see Dovecot's log"
            ))),
            Self::Exit(code) => Err(ServerError::Refused(format!(
                "doveadm {what} ended with {code}: see Dovecot's log"
            ))),
        }
    }
}

#[cfg(test)]
#[path = "doveadm_tests.rs"]
mod tests;
