//! An inbox that is worked off at a server that can do less than others: Dovecot, behind somebody who
//! keeps quiet about some of what it can do.
use std::sync::{Arc, Mutex};

use pilothouse::backends::ServerError;
use pilothouse::backends::imap::{Login, Tray};
use pilothouse::domain::EmailAddress;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::clients::imap::Imap;
use crate::support::{PASSWORD, Subject};

/// Stands in front of a server.
struct Quiet {
    place: String,
    /// What clients have said.
    said: Arc<Mutex<String>>,
}

/// What it keeps quiet about, and the words of a client at which it hangs up.
#[derive(Clone, Copy)]
struct Manners {
    hides: &'static [&'static str],
    hangs_up_at: Option<&'static str>,
}

impl Quiet {
    async fn before(subject: &Subject, manners: Manners) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let said = Arc::new(Mutex::new(String::new()));
        let server = (subject.doors().host.clone(), subject.doors().imap);
        let heard = said.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let behind = TcpStream::connect(server.clone()).await.unwrap();
                let ((from, to), (back, on)) = (client.into_split(), behind.into_split());
                let heard = heard.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = hand_on(from, on, manners, &heard) => {}
                        () = hand_back(back, to, manners) => {}
                    }
                });
            }
        });
        Self { place, said }
    }

    fn login(&self, of: &EmailAddress) -> Login {
        let (place, user) = (self.place.clone(), of.as_str().to_owned());
        Login {
            as_administrator: false,
            ..Login::on_loopback(place, user, PASSWORD.to_owned().into())
        }
    }

    fn heard(&self, words: &str) -> bool {
        self.said.lock().unwrap().contains(words)
    }
}

/// Whether another line came.
async fn read_line(from: &mut BufReader<OwnedReadHalf>, line: &mut Vec<u8>) -> bool {
    line.clear();
    from.read_until(b'\n', line)
        .await
        .is_ok_and(|read| read > 0)
}

async fn hand_on(
    from: OwnedReadHalf,
    mut on: OwnedWriteHalf,
    manners: Manners,
    said: &Mutex<String>,
) {
    let mut from = BufReader::new(from);
    let mut line = vec![];
    while read_line(&mut from, &mut line).await {
        let text = String::from_utf8_lossy(&line).into_owned();
        if manners
            .hangs_up_at
            .is_some_and(|words| text.contains(words))
        {
            return;
        }
        said.lock().unwrap().push_str(&text);
        if on.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn hand_back(from: OwnedReadHalf, mut to: OwnedWriteHalf, manners: Manners) {
    let mut from = BufReader::new(from);
    let mut line = vec![];
    while read_line(&mut from, &mut line).await {
        if line.windows(10).any(|part| part == b"CAPABILITY") {
            let mut text = String::from_utf8(line).unwrap();
            for word in manners.hides {
                text = text.replace(&format!(" {word}"), "");
            }
            line = text.into_bytes();
        }
        if to.write_all(&line).await.is_err() {
            return;
        }
    }
}

/// Three letters, the second of which its owner has marked as deleted.
async fn an_inbox() -> Option<(Subject, EmailAddress)> {
    let subject = Subject::real()?;
    let desired = subject.desired("returns");
    subject.create(&desired).await;
    let owner = desired.address.clone();
    for (text, flags) in [
        ("first", &[][..]),
        ("second", &["\\Deleted"]),
        ("third", &[]),
    ] {
        let letter = format!("Subject: {text}\r\n\r\nThe {text}.\r\n");
        subject
            .append(&owner, "INBOX", flags, letter.as_bytes())
            .await;
    }
    Some((subject, owner))
}

/// The texts in a folder, in order.
async fn texts(subject: &Subject, of: &EmailAddress, folder: &str) -> Vec<String> {
    let mut imap = Imap::login(subject.doors(), of.as_str(), PASSWORD)
        .await
        .unwrap();
    let Ok(all) = imap.read_whole(folder).await else {
        return vec![];
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let last = |text: String| text.rsplit(' ').next().unwrap_or_default().to_owned();
    all.iter().map(|one| last(text(&one.bytes))).collect()
}

#[tokio::test]
async fn without_move_the_message_alone_that_is_put_away_leaves_the_inbox() {
    let Some((subject, owner)) = an_inbox().await else {
        return;
    };
    let manners = Manners {
        hides: &["MOVE"],
        hangs_up_at: None,
    };
    let quiet = Quiet::before(&subject, manners).await;
    let mut tray = Tray::open(&quiet.login(&owner)).await.unwrap();
    let lying = tray.oldest(9).await.unwrap();
    assert_eq!(lying.len(), 3);
    tray.put_away(lying[0].uid, "Handled").await.unwrap();
    tray.put_away(lying[2].uid, "Handled").await.unwrap();
    tray.close().await;
    // What somebody else has marked stays for them to remove.
    assert_eq!(texts(&subject, &owner, "INBOX").await, ["second."]);
    assert_eq!(
        texts(&subject, &owner, "Handled").await,
        ["first.", "third."]
    );
    assert!(quiet.heard("UID EXPUNGE") && !quiet.heard("UID MOVE"));
}

#[tokio::test]
async fn cut_off_before_it_left_the_inbox_it_lies_in_both_and_is_put_away_again() {
    let Some((subject, owner)) = an_inbox().await else {
        return;
    };
    let hangs_up_at = Some("UID EXPUNGE");
    let rude = Quiet::before(
        &subject,
        Manners {
            hides: &["MOVE"],
            hangs_up_at,
        },
    )
    .await;
    let mut tray = Tray::open(&rude.login(&owner)).await.unwrap();
    let uid = tray.oldest(1).await.unwrap()[0].uid;
    let cut_off = tray.put_away(uid, "Handled").await.unwrap_err();
    assert!(matches!(cut_off, ServerError::Unreachable(_)), "{cut_off}");
    assert_eq!(
        texts(&subject, &owner, "INBOX").await,
        ["first.", "second.", "third."]
    );

    let manners = Manners {
        hides: &["MOVE"],
        hangs_up_at: None,
    };
    let quiet = Quiet::before(&subject, manners).await;
    let mut tray = Tray::open(&quiet.login(&owner)).await.unwrap();
    let again = tray.oldest(1).await.unwrap()[0].uid;
    assert_eq!(again, uid);
    tray.put_away(again, "Handled").await.unwrap();
    tray.close().await;
    assert_eq!(
        texts(&subject, &owner, "INBOX").await,
        ["second.", "third."]
    );
    assert_eq!(
        texts(&subject, &owner, "Handled").await,
        ["first.", "first."]
    );
}

#[tokio::test]
async fn a_server_that_can_do_neither_is_refused_before_it_is_asked_for_anything() {
    let Some((subject, owner)) = an_inbox().await else {
        return;
    };
    let manners = Manners {
        hides: &["MOVE", "UIDPLUS"],
        hangs_up_at: None,
    };
    let quiet = Quiet::before(&subject, manners).await;
    let Err(refused) = Tray::open(&quiet.login(&owner)).await else {
        panic!("it was opened")
    };
    let ServerError::Refused(why) = &refused else {
        panic!("{refused:?}")
    };
    assert!(
        why.contains("it can neither MOVE (RFC 6851) nor UID EXPUNGE (RFC 4315)"),
        "{why}"
    );
    assert!(!quiet.heard("SELECT"));
}
