//! Three hundred messages that a mail store may get wrong, in folders with odd names.
use crate::clients::imap::Imap;

/// Folders as on the wire (modified UTF-7, RFC 3501 §5.1.3), each with its last part as people
/// see it.
pub const FOLDERS: [(&str, &str); 8] = [
    ("INBOX", "INBOX"),
    ("Sent", "Sent"),
    ("Archive/2019", "2019"),
    ("Plans &- Ideas", "Plans & Ideas"),
    ("Entw&APw-rfe S&APw-d", "Entwürfe Süd"),
    ("&U,BTFw-", "台北"),
    ("&U,BTFw-/&ZeVnLIqe-", "日本語"),
    ("a/very/deep/place of things", "place of things"),
];

const FLAGS: [&str; 6] = [
    "()",
    "(\\Seen)",
    "(\\Seen \\Answered)",
    "(\\Flagged $Label1 Junk)",
    "(\\Deleted \\Seen)",
    "(\\Draft $Forwarded)",
];

const DATES: [&str; 4] = [
    "\"24-Nov-2026 10:00:00 +0000\"",
    "\"01-Jan-1971 00:00:01 +0000\"",
    "\"29-Feb-2004 23:59:59 -0930\"",
    "\"01-Jan-2040 00:00:00 +1400\"",
];

/// Makes the folders and puts the messages into them.
pub async fn fill(imap: &mut Imap, count: usize) {
    for (folder, _) in &FOLDERS[1..] {
        // The usual ones may be there already.
        let _ = imap.create(folder).await;
    }
    for n in 0..count {
        let folder = FOLDERS[n % FOLDERS.len()].0;
        let (flags, date) = (FLAGS[n % FLAGS.len()], DATES[(n / 3) % DATES.len()]);
        imap.append(folder, Some(flags), Some(date), &message(n))
            .await
            .unwrap();
    }
}

fn message(n: usize) -> Vec<u8> {
    let head = format!("From: a@example.test\r\nSubject: letter {n}\r\nMessage-ID: <{n}@x>\r\n");
    match n % 10 {
        0 => format!("{head}\r\nPlain.\r\n").into_bytes(),
        1 => [
            head.as_bytes(),
            b"\r\n8-bit \xe4\xf6\xfc \xff\x00-free\r\n".as_slice(),
        ]
        .concat()
        .into_iter()
        .filter(|byte| *byte != 0)
        .collect(),
        2 => {
            let line = "v".repeat(70);
            let lines = (0..900).map(|i| format!("X-Long-{i}: {line}\r\n"));
            let huge = lines.collect::<Vec<_>>().concat();
            format!("{head}{huge}\r\nA huge header.\r\n").into_bytes()
        }
        3 => format!("{head}\r\n").into_bytes(),
        4 => b"\r\nno header at all\r\n".to_vec(),
        5 => format!("{head}Subject: twice\r\nX-Ünïcode: ☃\r\n\r\n☃ 😀\r\n").into_bytes(),
        6 => format!("{head}\r\n.\r\n..\r\nFrom here on\r\n.leading dots\r\n").into_bytes(),
        7 => format!("{head}\r\n{}\r\n", "one very long line ".repeat(2000)).into_bytes(),
        8 => {
            let size = if n == 8 { 1 << 20 } else { 20_000 };
            let part = "QUJDRA==".repeat(9) + "\r\n";
            let body = part.repeat(size / part.len());
            format!(
                "{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                 Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n\
                 {body}\r\n--b--\r\n"
            )
            .into_bytes()
        }
        _ => b"Subject: no end of line".to_vec(),
    }
}
