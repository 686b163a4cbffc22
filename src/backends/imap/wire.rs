//! Bytes of an IMAP connection, cut into responses. Nothing is understood here but where a
//! response ends: lines, and literals between them (RFC 9051 §4.3). A large literal goes to a
//! [`Sink`] piece by piece and is never held whole.
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// No line of a response may be longer: a server that sends more is not sane.
const MAX_LINE: usize = 1024 * 1024;
/// No literal that is not streamed may be longer: names, flags and addresses are short.
const MAX_LITERAL: u64 = 1024 * 1024;
/// No response may have more parts.
const MAX_PIECES: usize = 4096;
/// How much is read at once, and so the most of a message that is in memory.
const CHUNK: usize = 64 * 1024;

/// One part of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A line, or the part of it before or after a literal, without CRLF and literal header.
    Text(Vec<u8>),
    /// A literal.
    Literal(Vec<u8>),
    /// A literal that went to the sink, which left this in its place.
    Streamed(Vec<u8>),
}

/// Takes literals that are too large to hold, in order.
#[async_trait]
pub trait Sink: Send {
    /// Whether the literal that follows this text is to be streamed.
    fn takes(&self, text: &[u8]) -> bool;
    /// A literal of so many bytes begins, after this text.
    fn begin(&mut self, text: &[u8], size: u64);
    /// More of it.
    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// It is complete; what is returned stands in its place.
    fn end(&mut self) -> Vec<u8>;
}

/// Takes nothing.
pub struct NoSink;

#[async_trait]
impl Sink for NoSink {
    fn takes(&self, _text: &[u8]) -> bool {
        false
    }
    fn begin(&mut self, _text: &[u8], _size: u64) {}
    async fn chunk(&mut self, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn end(&mut self) -> Vec<u8> {
        Vec::new()
    }
}

/// Reads responses.
pub struct Reader<R> {
    from: R,
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    patience: Duration,
}

impl<R: AsyncRead + Unpin + Send> Reader<R> {
    /// A reader that gives up when the server sends nothing for `patience`.
    pub fn new(from: R, patience: Duration) -> Self {
        Self {
            from,
            buffer: vec![0; CHUNK],
            at: 0,
            filled: 0,
            patience,
        }
    }

    /// The next response, whole but for what went to the sink.
    pub async fn response(&mut self, sink: &mut dyn Sink) -> io::Result<Vec<Piece>> {
        let mut pieces = Vec::new();
        loop {
            let mut line = self.line().await?;
            let literal = if pieces.is_empty() && is_status(&line) {
                None
            } else {
                take_literal_header(&mut line)
            };
            let Some(size) = literal else {
                pieces.push(Piece::Text(line));
                return Ok(pieces);
            };
            if sink.takes(&line) {
                sink.begin(&line, size);
                pieces.push(Piece::Text(line));
                pieces.push(Piece::Streamed(self.stream(size, sink).await?));
            } else {
                pieces.push(Piece::Text(line));
                pieces.push(Piece::Literal(self.literal(size).await?));
            }
            if pieces.len() > MAX_PIECES {
                return Err(insane("a response of too many parts"));
            }
        }
    }

    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let there = &self.buffer[self.at..self.filled];
            let end = there.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(there.len(), |end| end + 1);
            line.extend_from_slice(&there[..taken]);
            self.at += taken;
            if end.is_some() {
                let bare = line
                    .strip_suffix(b"\r\n")
                    .or_else(|| line.strip_suffix(b"\n"));
                let length = bare.map_or(line.len(), <[u8]>::len);
                line.truncate(length);
                return Ok(line);
            }
            if line.len() > MAX_LINE {
                return Err(insane("a line without end"));
            }
            self.fill().await?;
        }
    }

    async fn literal(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_LITERAL {
            return Err(insane("a name or flag of more than a megabyte"));
        }
        let mut literal = Vec::new();
        let mut left = size;
        while left > 0 {
            let taken = self.some(left).await?;
            literal.extend_from_slice(&self.buffer[taken.clone()]);
            left -= taken.len() as u64;
        }
        Ok(literal)
    }

    async fn stream(&mut self, size: u64, sink: &mut dyn Sink) -> io::Result<Vec<u8>> {
        let mut left = size;
        while left > 0 {
            let taken = self.some(left).await?;
            left -= taken.len() as u64;
            sink.chunk(&self.buffer[taken]).await?;
        }
        Ok(sink.end())
    }

    /// At least one byte and at most `most`, as a range of the buffer.
    async fn some(&mut self, most: u64) -> io::Result<std::ops::Range<usize>> {
        if self.at == self.filled {
            self.fill().await?;
        }
        let there = self.filled - self.at;
        let taken = usize::try_from(most).map_or(there, |most| there.min(most));
        let start = self.at;
        self.at += taken;
        Ok(start..self.at)
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.at = 0;
        self.filled = 0;
        let read = tokio::time::timeout(self.patience, self.from.read(&mut self.buffer)).await;
        self.filled = read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if self.filled == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// Status lines and continuations end in text for people, which may look like a literal.
fn is_status(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let first = words.next().unwrap_or_default();
    let second = words.next().unwrap_or_default();
    let status: [&[u8]; 5] = [b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH"];
    first == b"+" || status.iter().any(|word| second.eq_ignore_ascii_case(word))
}

/// Takes `{123}`, `{123+}` or `~{123}` (RFC 3516) off the end of a line.
fn take_literal_header(line: &mut Vec<u8>) -> Option<u64> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = &inner[open + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let start = if open > 0 && line[open - 1] == b'~' {
        open - 1
    } else {
        open
    };
    line.truncate(start);
    Some(size)
}

fn insane(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the server sent {what}"),
    )
}

/// Writes commands.
pub struct Writer<W> {
    to: W,
    patience: Duration,
}

impl<W: AsyncWrite + Unpin + Send> Writer<W> {
    /// A writer that gives up when the server takes nothing for `patience`.
    pub const fn new(to: W, patience: Duration) -> Self {
        Self { to, patience }
    }

    /// Writes these bytes and sends them.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let work = async {
            self.to.write_all(bytes).await?;
            self.to.flush().await
        };
        let sent = tokio::time::timeout(self.patience, work).await;
        sent.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
