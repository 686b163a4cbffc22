//! Numbered letters: made so that each can be told from all others wherever it turns up, with
//! whatever headers mail servers put in front of it.
use rand::RngExt as _;
use rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};

/// The header that bears the number, and the first of a letter as it was sent.
const NUMBER: &str = "X-Chaos-Number: ";

/// What is known of a letter's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Print {
    /// Bytes as sent.
    pub length: usize,
    /// SHA-256 of these.
    pub sha256: Vec<u8>,
}

impl Print {
    /// Of a letter as it was sent.
    pub fn of(letter: &[u8]) -> Self {
        Self {
            length: letter.len(),
            sha256: Sha256::digest(letter).to_vec(),
        }
    }

    /// Whether a stored message ends with exactly this letter: what is in front of it are the
    /// headers of those who carried it.
    pub fn is_of(&self, stored: &[u8]) -> bool {
        let start = stored.len().checked_sub(self.length);
        start.is_some_and(|start| Sha256::digest(&stored[start..]).to_vec() == self.sha256)
    }
}

/// Letter number `n` for `to`: one to twenty kilobytes, now and then three hundred.
pub fn letter(n: u32, to: &str, dice: &mut StdRng) -> Vec<u8> {
    let size = match dice.random_range(0..40) {
        0 => 300_000,
        1..6 => dice.random_range(8_000..20_000),
        _ => dice.random_range(200..4_000),
    };
    let head = format!(
        "{NUMBER}{n}\r\nFrom: Post <post@example.org>\r\nTo: <{to}>\r\nSubject: Letter {n}\r\n\
         Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{n}.{to}>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    );
    let mut letter = head.into_bytes();
    while letter.len() < size {
        let line: String = (0..dice.random_range(1..70))
            .map(|_| char::from(dice.random_range(b'!'..=b'~')))
            .collect();
        // A dot in front is what SMTP and POP3 escape.
        letter.extend_from_slice(if dice.random_range(0..20) == 0 {
            b"."
        } else {
            b""
        });
        letter.extend_from_slice(format!("{line} ☃\r\n").as_bytes());
    }
    letter
}

/// The number in a message or in its head.
pub fn number(message: &[u8]) -> Option<u32> {
    let lines = message.split(|byte| *byte == b'\n');
    // Whoever carried it has put headers of their own in front.
    let line = lines
        .take_while(|line| !line.is_empty() && *line != b"\r")
        .find_map(|line| line.strip_prefix(NUMBER.as_bytes()))?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

/// The line by which the mail server marks one delivery: two copies with different ones were
/// delivered twice, two with the same one were copied.
pub fn delivery(message: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(message);
    let head = head.split("\r\n\r\n").next()?.replace("\r\n\t", " ");
    let line = head.lines().find(|line| line.contains("with LMTP id"))?;
    Some(line.to_owned())
}
