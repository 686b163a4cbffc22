//! `SOGo`'s password and attribute caches. Without this a closed door stays open, and a new
//! password is refused, until the cache expires (measured: up to a minute).
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::backends::ServerError;

const LIMIT: Duration = Duration::from_secs(5);

/// The keys under which `SOGo` 5.8 keeps what it knows about a person.
pub(super) fn keys(address: &str, uid: &str) -> [String; 3] {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    [
        format!("{address}+attributes"),
        format!("{uid}+attributes"),
        format!("{uid}@{domain}+attributes"),
    ]
}

/// Deletes these keys in each cache; a key that is not there is fine.
pub(super) async fn forget(places: &[String], keys: &[String]) -> Result<(), ServerError> {
    let commands: Vec<_> = keys.iter().map(|key| format!("delete {key}\r\n")).collect();
    send(places, &commands, &["DELETED", "NOT_FOUND"]).await
}

/// Empties each cache. Sessions of webmail are kept elsewhere and go on.
pub(super) async fn forget_all(places: &[String]) -> Result<(), ServerError> {
    send(places, &["flush_all\r\n".to_owned()], &["OK"]).await
}

async fn send(places: &[String], commands: &[String], fine: &[&str]) -> Result<(), ServerError> {
    let each = places.iter().map(|place| async move {
        let said = |fault: String| ServerError::Unreachable(format!("memcached {place}: {fault}"));
        match tokio::time::timeout(LIMIT, ask(place, commands, fine)).await {
            Ok(result) => result.map_err(said),
            Err(_) => Err(said("no answer in 5 s".to_owned())),
        }
    });
    futures_util::future::try_join_all(each).await.map(|_| ())
}

async fn ask(place: &str, commands: &[String], fine: &[&str]) -> Result<(), String> {
    let said = |fault: std::io::Error| fault.to_string();
    let mut stream = BufReader::new(TcpStream::connect(place).await.map_err(said)?);
    stream
        .get_mut()
        .write_all(commands.concat().as_bytes())
        .await
        .map_err(said)?;
    for _ in commands {
        let mut line = String::new();
        stream.read_line(&mut line).await.map_err(said)?;
        if !fine.contains(&line.trim_end()) {
            return Err(format!("answered “{}”", line.trim_end()));
        }
    }
    Ok(())
}
