//! A mail program over POP3 (RFC 1939), without TLS, which a stack allows on loopback.
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Doors, PATIENCE};

/// A signed-in session.
pub struct Pop3 {
    stream: BufReader<TcpStream>,
}

impl Pop3 {
    /// Connects and signs in; `Err` is the whole line of refusal.
    pub async fn login(doors: &Doors, user: &str, password: &str) -> Result<Self, String> {
        let connect = TcpStream::connect((doors.host.as_str(), doors.pop3));
        let stream = connect.await.map_err(|fault| fault.to_string())?;
        let mut pop3 = Self {
            stream: BufReader::new(stream),
        };
        pop3.ok().await?;
        pop3.ask(&format!("USER {user}")).await?;
        pop3.ask(&format!("PASS {password}")).await?;
        Ok(pop3)
    }

    /// Message numbers and unique ids.
    pub async fn uidl(&mut self) -> Result<Vec<(u32, String)>, String> {
        let text = self.ask_many("UIDL").await?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let pair = |line: &str| {
            let (number, uid) = line.split_once(' ')?;
            Some((number.parse().ok()?, uid.to_owned()))
        };
        Ok(text.lines().filter_map(pair).collect())
    }

    /// One message as stored.
    pub async fn retr(&mut self, number: u32) -> Result<Vec<u8>, String> {
        self.ask_many(&format!("RETR {number}")).await
    }

    /// A sign of life; fails when the server dropped the session.
    pub async fn noop(&mut self) -> Result<(), String> {
        self.ask("NOOP").await.map(|_| ())
    }

    /// Signs out.
    pub async fn quit(mut self) {
        let _ = self.ask("QUIT").await;
    }

    async fn ask(&mut self, command: &str) -> Result<String, String> {
        let line = format!("{command}\r\n");
        let sent = self.stream.get_mut().write_all(line.as_bytes()).await;
        sent.map_err(|fault| fault.to_string())?;
        self.ok().await
    }

    async fn ask_many(&mut self, command: &str) -> Result<Vec<u8>, String> {
        self.ask(command).await?;
        let mut text = Vec::new();
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                return Ok(text);
            }
            text.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn ok(&mut self) -> Result<String, String> {
        let line = String::from_utf8_lossy(&self.line().await?)
            .trim_end()
            .to_owned();
        if line.starts_with("+OK") {
            Ok(line)
        } else {
            Err(line)
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_until(b'\n', &mut line)).await;
        match read {
            Ok(Ok(0)) => Err("the server closed the connection".to_owned()),
            Ok(Ok(_)) => Ok(line),
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(_) => Err("the server did not answer".to_owned()),
        }
    }
}
