//! Surveys of servers that are slow, odd or broken, played by a script.
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use super::*;

/// A server that says `greeting` and answers each command line with what `script` returns for it;
/// `TAG` there stands for the command's tag.
async fn server(greeting: &'static str, script: fn(&str) -> &'static str) -> Login {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        stream
            .get_mut()
            .write_all(greeting.as_bytes())
            .await
            .unwrap();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            while let Some(size) = literal(&line) {
                stream.get_mut().write_all(b"+ go on\r\n").await.unwrap();
                let mut bytes = vec![0; size];
                stream.read_exact(&mut bytes).await.unwrap();
                line.truncate(line.rfind('{').unwrap());
                line.push_str(&String::from_utf8(bytes).unwrap());
                stream.read_line(&mut line).await.unwrap();
            }
            let (tag, command) = line.trim_end().split_once(' ').unwrap();
            let answer = script(command).replace("TAG", tag);
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let password = "päss \"word\"".to_owned().into();
    Login::on_loopback(place, "ann@acme.test*panel".to_owned(), password)
}

fn literal(line: &str) -> Option<usize> {
    line.trim_end()
        .strip_suffix('}')?
        .rsplit_once('{')?
        .1
        .parse()
        .ok()
}

async fn read(login: &Login) -> Result<Snapshot, ServerError> {
    survey(login, None, &|_| {}).await
}

const HELLO: &str = "* OK [CAPABILITY IMAP4rev1] ready\r\n";

fn odd(command: &str) -> &'static str {
    match command {
        "LOGIN \"ann@acme.test*panel\" päss \"word\"" => {
            "* CAPABILITY IMAP4rev1 CONDSTORE ENABLE\r\nTAG OK in\r\n"
        }
        "CAPABILITY" => "* CAPABILITY IMAP4rev1 CONDSTORE ENABLE\r\nTAG OK\r\n",
        "ENABLE CONDSTORE" => "* ENABLED CONDSTORE\r\nTAG OK\r\n",
        "LIST \"\" \"*\"" => {
            "* LIST (\\Noselect) \".\" top\r\n* LIST () \".\" {10}\r\ntop.a\"b\\&-\r\n* 3 EXISTS\r\n\
             * LIST () \".\" INBOX\r\n* LIST () \".\" INBOX\r\n* LIST () \".\" gone\r\nTAG OK\r\n"
        }
        "EXAMINE \"INBOX\"" => {
            "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 12] x\r\nTAG OK\r\n"
        }
        "EXAMINE \"top.a\\\"b\\\\&-\"" => "* 0 EXISTS\r\n* OK [UIDVALIDITY 8] x\r\nTAG OK\r\n",
        "EXAMINE \"gone\"" => "TAG NO [NONEXISTENT] no such folder\r\n",
        "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)" => {
            "* 1 FETCH (UID 4 FLAGS (\\Seen \\Recent b A) INTERNALDATE \"01-Jan-1970 00:00:09 +0000\" RFC822.SIZE 5)\r\n\
             * 2 FETCH (FLAGS (\\Seen))\r\n* BAD-TEMPERED something\r\n\
             * 2 FETCH (UID 5 FLAGS () INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\" RFC822.SIZE 2)\r\n\
             * 3 FETCH (UID 11 FLAGS () INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" RFC822.SIZE 3)\r\nTAG OK\r\n"
        }
        "UID FETCH 4:5,11 (UID BODY.PEEK[])" => {
            "* 1 FETCH (BODY[] {5}\r\na)\r\n{ UID 4)\r\n* 2 FETCH (UID 5 BODY[] \"hi\")\r\n\
             * 3 FETCH (UID 11 BODY[] NIL)\r\nTAG OK\r\n"
        }
        // It was expunged in between.
        "UID FETCH 11 (UID)" => "TAG OK\r\n",
        command if command.starts_with("STATUS") => "TAG NO cannot tell\r\n",
        _ => "TAG BAD what?\r\n",
    }
}

#[tokio::test]
async fn an_odd_server_is_read_whole() {
    let snapshot = read(&server(HELLO, odd).await).await.unwrap();
    let names: Vec<_> = snapshot.folders.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["INBOX", "top/a\"b\\&"]);
    let inbox = &snapshot.folders[0];
    assert_eq!((inbox.uidvalidity, inbox.uidnext), (7, 12));
    let [first, second] = inbox.messages.as_slice() else {
        panic!("{inbox:?}")
    };
    assert_eq!(
        (first.uid, first.flags.as_ref(), first.date),
        (4, "A \\Seen b", 9)
    );
    assert_eq!(first.sha256, Sha::from(Sha256::digest(b"a)\r\n{")));
    assert_eq!(second.sha256, Sha::from(Sha256::digest(b"hi")));
}

fn unreadable(command: &str) -> &'static str {
    match command {
        "UID FETCH 11 (UID)" => "* 3 FETCH (UID 11)\r\nTAG OK\r\n",
        other => odd(other),
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_read_fails_the_snapshot() {
    let fault = read(&server(HELLO, unreadable).await).await.unwrap_err();
    assert!(
        fault.passes() && fault.to_string().contains("message 11"),
        "{fault}"
    );
}

#[tokio::test]
async fn a_goodbye_a_break_and_noise_are_unreachable() {
    let bye = server(HELLO, |c| {
        if c.starts_with("EXAMINE") {
            "* BYE shutting down\r\n"
        } else {
            odd(c)
        }
    });
    let fault = read(&bye.await).await.unwrap_err();
    assert!(
        matches!(&fault, ServerError::Unreachable(why) if why.contains("shutting down")),
        "{fault}"
    );

    let full = server("* BYE too many connections\r\n", odd);
    let fault = read(&full.await).await.unwrap_err();
    assert!(
        matches!(&fault, ServerError::Unreachable(why) if why.contains("too many")),
        "{fault}"
    );

    let web = server("HTTP/1.1 400 Bad Request\r\n\r\n", odd);
    let fault = read(&web.await).await.unwrap_err();
    assert!(matches!(fault, ServerError::Unreachable(_)), "{fault}");
}

#[tokio::test]
async fn a_refusal_is_told_from_one_that_passes() {
    let wrong = server(
        HELLO,
        |_| "TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
    );
    let elsewhere = Login {
        as_administrator: false,
        ..wrong.await
    };
    let fault = read(&elsewhere).await.unwrap_err();
    assert!(
        matches!(&fault, ServerError::Refused(why) if why.contains("Authentication failed")),
        "{fault}"
    );

    let busy = server(HELLO, |_| "TAG NO [UNAVAILABLE] Try later.\r\n");
    assert!(matches!(read(&busy.await).await, Err(ServerError::Busy(_))));
}

#[tokio::test]
async fn a_dying_server_of_ours_that_does_not_let_the_panel_in_is_asked_again() {
    let dying = server(
        HELLO,
        |_| "TAG NO [AUTHENTICATIONFAILED] Authentication failed.\r\n",
    );
    let fault = read(&dying.await).await.unwrap_err();
    assert!(
        matches!(&fault, ServerError::Busy(why) if why.contains("Authentication failed")),
        "{fault}"
    );
}
