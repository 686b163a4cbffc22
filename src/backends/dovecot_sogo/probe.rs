//! A live check of a listener, as far as its greeting.
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::Url;

use super::settings::Settings;
use crate::domain::Protocol;
use crate::domain::mailserver::Answer;

const LIMIT: Duration = Duration::from_secs(5);
/// No greeting is longer.
const MAX_LINE: u64 = 4096;

/// Connects as a client would and tells what was said.
pub(super) async fn check(settings: &Settings, protocol: Protocol) -> Answer {
    let start = Instant::now();
    let asked = tokio::time::timeout(LIMIT, ask(settings, protocol)).await;
    let (reachable, detail) = match asked {
        Ok(Ok(detail)) => (true, detail),
        Ok(Err(detail)) => (false, detail),
        Err(_) => (false, "Nothing was answered in 5 s.".to_owned()),
    };
    let millis = u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX);
    Answer {
        protocol,
        reachable,
        detail,
        millis,
    }
}

async fn ask(settings: &Settings, protocol: Protocol) -> Result<String, String> {
    if !settings.offers.has(protocol) {
        return Err(format!(
            "{} is not offered by this server.",
            protocol.label()
        ));
    }
    let host = settings.host.as_str();
    match protocol {
        Protocol::Imap => match (settings.imap, settings.imaps) {
            (Some(port), _) => greeted(host, port, &["* OK", "* PREAUTH"]).await,
            (None, port) => connected(host, port).await,
        },
        Protocol::Pop3 => match (settings.pop3, settings.pop3s) {
            (Some(port), _) => greeted(host, port, &["+OK"]).await,
            (None, port) => connected(host, port).await,
        },
        Protocol::Smtp => match settings.submission {
            Some(port) => submission(host, port).await,
            None => connected(host, None).await,
        },
        Protocol::Activesync => {
            let path = "/Microsoft-Server-ActiveSync";
            over_http(settings.http.as_ref(), "OPTIONS", path).await
        }
        Protocol::Dav => over_http(settings.http.as_ref(), "OPTIONS", "/SOGo/dav/").await,
        Protocol::Webmail => over_http(settings.http.as_ref(), "GET", "/SOGo/").await,
        Protocol::Jmap => Err("JMAP is not offered by this server.".to_owned()),
    }
}

async fn open(host: &str, port: u16) -> Result<BufReader<TcpStream>, String> {
    TcpStream::connect((host, port))
        .await
        .map(BufReader::new)
        .map_err(|fault| format!("{host} port {port} cannot be reached: {fault}."))
}

async fn line(stream: &mut BufReader<TcpStream>) -> Result<String, String> {
    let mut line = Vec::new();
    let read = stream.take(MAX_LINE).read_until(b'\n', &mut line).await;
    read.map_err(|fault| format!("The connection broke: {fault}."))?;
    if line.is_empty() {
        return Err("The server closed the connection without a greeting.".to_owned());
    }
    let plain = String::from_utf8_lossy(&line);
    Ok(plain
        .trim_end()
        .chars()
        .filter(|c| !c.is_control())
        .collect())
}

async fn greeted(host: &str, port: u16, fine: &[&str]) -> Result<String, String> {
    let greeting = line(&mut open(host, port).await?).await?;
    if fine.iter().any(|start| greeting.starts_with(start)) {
        Ok(format!("Port {port} says: {greeting}"))
    } else {
        Err(format!("Port {port} refuses: {greeting}"))
    }
}

/// TLS from the first byte: who answers is not asked, only that somebody does.
async fn connected(host: &str, port: Option<u16>) -> Result<String, String> {
    let port = port.ok_or("No port is entered for it.")?;
    open(host, port).await?;
    Ok(format!("Port {port} takes connections."))
}

async fn submission(host: &str, port: u16) -> Result<String, String> {
    let mut stream = open(host, port).await?;
    let greeting = line(&mut stream).await?;
    if !greeting.starts_with("220") {
        return Err(format!("Port {port} refuses: {greeting}"));
    }
    let sent = stream
        .get_mut()
        .write_all(b"EHLO pilothouse.invalid\r\n")
        .await;
    sent.map_err(|fault| format!("The connection broke: {fault}."))?;
    let mut starttls = false;
    loop {
        let reply = line(&mut stream).await?;
        starttls |= reply.ends_with("STARTTLS");
        if !reply.starts_with("250") {
            return Err(format!("Port {port} refuses: {reply}"));
        }
        if reply.starts_with("250 ") {
            break;
        }
    }
    let _ = stream.get_mut().write_all(b"QUIT\r\n").await;
    let tls = if starttls {
        "with STARTTLS"
    } else {
        "without STARTTLS"
    };
    Ok(format!("Port {port} takes mail {tls}: {greeting}"))
}

async fn over_http(base: Option<&Url>, method: &str, path: &str) -> Result<String, String> {
    let base = base.ok_or("No URL is entered for it.")?;
    let url = base
        .join(path)
        .map_err(|fault| format!("{base} cannot have {path}: {fault}."))?;
    let client = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT)
        .build()
        .map_err(|fault| fault.to_string())?;
    let method = reqwest::Method::from_bytes(method.as_bytes()).map_err(|f| f.to_string())?;
    let answer = client
        .request(method, url.clone())
        .send()
        .await
        .map_err(|_| format!("{url} does not answer."))?;
    // Without a login 401 is the right answer of a door that is there.
    match answer.status().as_u16() {
        status @ (200..=399 | 401) => Ok(format!("{url} answers ({status}).")),
        status => Err(format!("{url} answers with status {status}.")),
    }
}
