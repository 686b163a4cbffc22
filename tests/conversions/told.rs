//! Owners are told of a conversion, before and after, each thing once: also when the process is cut
//! off in the middle, when the mail server does not answer, and when it refuses.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use pilothouse::app::messages;
use pilothouse::authz::{SendMessages, ViewMessages};
use pilothouse::domain::message::{Message, MessageState, Moment};
use pilothouse::domain::{Kind, PageRequest};
use pilothouse::engine::messages::{Sending, run_once};
use pilothouse::post::Post;
use pilothouse::store::engine::messages as outbox;
use pilothouse::store::messages::MessageFilter;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

use crate::stage::Stage;
use crate::theatre::{batch_of, carry_on, furnished, try_start};

fn into(folder: &Path) -> Sending {
    Sending {
        post: Post::folder(folder.to_owned(), "panel@hosting.test").unwrap(),
        panel: "https://panel.test".parse().unwrap(),
    }
}

async fn sent(stage: &Stage) -> Vec<Message> {
    let work = stage.work::<ViewMessages>("acme").await;
    let page = messages::list(&work, &MessageFilter::default(), &PageRequest::first()).await;
    page.unwrap().items
}

async fn start_told(stage: &Stage, locals: &[&str]) {
    let mut new = batch_of(locals, Kind::Exchange);
    new.notify_users = true;
    try_start(stage, new).await.unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let found = std::fs::read_dir(folder).map(|all| all.map(|one| one.unwrap().path()).collect());
    found.unwrap_or_default()
}

#[tokio::test]
async fn before_and_after_are_each_told_once_however_often_somebody_looks() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    for local in ["ann", "bob"] {
        furnished(&stage, local, Kind::PopImap).await;
    }
    start_told(&stage, &["ann", "bob"]).await;
    let sending = into(folder.path());
    for _ in 0..3 {
        run_once(&stage.context, &sending).await.unwrap();
    }
    assert_eq!(files(folder.path()).len(), 2);
    carry_on(&stage.context).await;
    for _ in 0..3 {
        run_once(&stage.context, &sending).await.unwrap();
    }
    assert_eq!(files(folder.path()).len(), 4);
    let all = sent(&stage).await;
    assert_eq!(all.len(), 4);
    for message in &all {
        assert_eq!(message.state, MessageState::Sent, "{message:?}");
        let letter = message.letter.as_ref().unwrap();
        let said = match message.moment {
            Moment::Before => "Your mailbox becomes an Exchange mailbox",
            _ => "Your mailbox is an Exchange mailbox now: what to do",
        };
        assert_eq!(letter.subject, said);
    }
    let raw = std::fs::read_to_string(&files(folder.path())[0]).unwrap();
    for header in [
        "Message-ID: <",
        "Auto-Submitted: auto-generated",
        "From: ",
        "multipart/alternative",
    ] {
        assert!(raw.contains(header), "{header} in {raw}");
    }
}

#[tokio::test]
async fn nobody_is_told_who_was_not_to_be() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    furnished(&stage, "ann", Kind::PopImap).await;
    try_start(&stage, batch_of(&["ann"], Kind::Exchange))
        .await
        .unwrap();
    carry_on(&stage.context).await;
    run_once(&stage.context, &into(folder.path()))
        .await
        .unwrap();
    assert!(sent(&stage).await.is_empty() && files(folder.path()).is_empty());
}

#[tokio::test]
async fn what_a_process_was_handing_over_when_it_died_is_looked_for_and_not_sent_twice() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let sending = into(folder.path());
    furnished(&stage, "ann", Kind::PopImap).await;
    furnished(&stage, "bob", Kind::PopImap).await;
    start_told(&stage, &["ann", "bob"]).await;
    outbox::tell_of_conversions(&stage.context.store, "hosting.test")
        .await
        .unwrap();
    let lease = Duration::from_secs(20);
    let held = outbox::claim(&stage.context.store, "gone", lease, 9)
        .await
        .unwrap();
    assert_eq!(held.len(), 2);
    for one in &held {
        assert!(
            outbox::sending(&stage.context.store, one, lease)
                .await
                .unwrap()
        );
        // A second process has no say while the lease holds.
        assert!(
            !outbox::sending(&stage.context.store, one, lease)
                .await
                .unwrap()
        );
    }
    run_once(&stage.context, &sending).await.unwrap();
    assert!(
        files(folder.path()).is_empty(),
        "somebody took what another held"
    );
    // The first had arrived when the process died, the second had not.
    let arrived = folder.path().join(format!(
        "{}.eml",
        held[0].message.message_id.trim_matches(['<', '>'])
    ));
    std::fs::write(&arrived, "arrived").unwrap();
    stage.world.clock.advance(TimeDelta::seconds(21));
    for _ in 0..3 {
        run_once(&stage.context, &sending).await.unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&arrived).unwrap(),
        "arrived",
        "it was sent twice"
    );
    assert_eq!(files(folder.path()).len(), 2);
    assert!(
        sent(&stage)
            .await
            .iter()
            .all(|one| one.state == MessageState::Sent)
    );
}

/// What a mail server does when it has the text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Answers,
    HangsUp,
    AnswersAfter(Duration),
}

/// A mail server that answers each RCPT with the next of its answers.
async fn mail_server(answers: &'static [&'static str], then: Then) -> (Post, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let texts = Arc::new(AtomicU32::new(0));
    let taken = texts.clone();
    tokio::spawn(async move {
        let mut rcpt = answers.iter().cycle();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            let say = async |stream: &mut BufReader<tokio::net::TcpStream>, text: &str| {
                let text = format!("{text}\r\n");
                stream.get_mut().write_all(text.as_bytes()).await.is_ok()
            };
            say(&mut stream, "220 hello").await;
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                let answer = match line.get(..4).unwrap_or_default() {
                    "RCPT" => *rcpt.next().unwrap(),
                    "DATA" => {
                        say(&mut stream, "354 go on").await;
                        while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                            if line.ends_with("\r\n.\r\n") {
                                break;
                            }
                        }
                        taken.fetch_add(1, Ordering::SeqCst);
                        match then {
                            Then::Answers => {}
                            Then::HangsUp => break,
                            Then::AnswersAfter(pause) => tokio::time::sleep(pause).await,
                        }
                        "250 2.0.0 taken"
                    }
                    _ => "250 fine",
                };
                line.clear();
                say(&mut stream, answer).await;
            }
        }
    });
    let post = Post::smtp(&url.parse().unwrap(), "panel@hosting.test").unwrap();
    (post, texts)
}

async fn told_by(stage: &Stage, post: Post) -> Sending {
    furnished(stage, "ann", Kind::PopImap).await;
    start_told(stage, &["ann"]).await;
    let sending = Sending {
        post,
        panel: "https://panel.test".parse().unwrap(),
    };
    run_once(&stage.context, &sending).await.unwrap();
    sending
}

#[tokio::test]
async fn a_refused_recipient_is_shown_with_the_servers_sentence_and_sent_again_when_somebody_says_so()
 {
    let stage = Stage::new().await;
    let (post, texts) = mail_server(
        &["550 5.1.1 No such person here", "250 fine"],
        Then::Answers,
    )
    .await;
    let sending = told_by(&stage, post).await;
    let bounced = sent(&stage).await.remove(0);
    assert_eq!(bounced.state, MessageState::Bounced);
    assert!(
        bounced
            .said
            .as_ref()
            .unwrap()
            .contains("No such person here"),
        "{bounced:?}"
    );
    run_once(&stage.context, &sending).await.unwrap();
    assert_eq!(
        texts.load(Ordering::SeqCst),
        0,
        "it was tried again by itself"
    );
    let work = stage.work::<SendMessages>("acme").await;
    messages::send_again(work, bounced.id).await.unwrap();
    run_once(&stage.context, &sending).await.unwrap();
    let now = sent(&stage).await.remove(0);
    assert_eq!(
        (now.state, now.message_id),
        (MessageState::Sent, bounced.message_id)
    );
    assert_eq!(now.said.as_deref(), Some("250 2.0.0 taken"));
    assert!(
        messages::send_again(stage.work("acme").await, now.id)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn what_is_put_off_is_tried_again_later_and_later() {
    let stage = Stage::new().await;
    let (post, texts) = mail_server(
        &["451 4.3.0 Later, please", "451 4.3.0 Later", "250 fine"],
        Then::Answers,
    )
    .await;
    let sending = told_by(&stage, post).await;
    for seconds in [30, 60] {
        let waits = sent(&stage).await.remove(0);
        assert_eq!(waits.state, MessageState::Waiting);
        let pause = waits.next_try_at.unwrap() - stage.world.clock.now();
        assert_eq!(pause, TimeDelta::seconds(seconds), "{waits:?}");
        run_once(&stage.context, &sending).await.unwrap();
        stage.world.clock.advance(pause);
        run_once(&stage.context, &sending).await.unwrap();
    }
    assert_eq!(sent(&stage).await.remove(0).state, MessageState::Sent);
    assert_eq!(texts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn when_the_line_breaks_after_the_text_it_is_not_sent_again() {
    let stage = Stage::new().await;
    let (post, texts) = mail_server(&["250 fine"], Then::HangsUp).await;
    let sending = told_by(&stage, post).await;
    for _ in 0..8 {
        stage.world.clock.advance(TimeDelta::hours(2));
        run_once(&stage.context, &sending).await.unwrap();
    }
    let unsure = sent(&stage).await.remove(0);
    assert_eq!(unsure.state, MessageState::Unsure, "{unsure:?}");
    assert_eq!(unsure.next_try_at, None, "somebody still looks");
    assert_eq!(texts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_mail_server_that_is_slower_than_a_lease_is_waited_for_and_nobody_takes_the_message() {
    let mut stage = Stage::new().await;
    stage.context.pace.lease = Duration::from_millis(1500);
    let (post, texts) =
        mail_server(&["250 fine"], Then::AnswersAfter(Duration::from_secs(4))).await;
    let others = async {
        while texts.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Twice as long as the lease.
        for _ in 0..15 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            stage.world.clock.advance(TimeDelta::milliseconds(200));
            assert_eq!(outbox::cut_off(&stage.context.store).await.unwrap(), 0);
        }
    };
    tokio::join!(told_by(&stage, post), others);
    assert_eq!(sent(&stage).await.remove(0).state, MessageState::Sent);
}

#[tokio::test]
async fn a_mail_server_that_is_down_loses_nothing_and_in_the_end_it_is_said() {
    let stage = Stage::new().await;
    let post = Post::smtp(&"smtp://127.0.0.1:1".parse().unwrap(), "panel@hosting.test").unwrap();
    let sending = told_by(&stage, post).await;
    for _ in 0..20 {
        stage.world.clock.advance(TimeDelta::hours(4));
        run_once(&stage.context, &sending).await.unwrap();
    }
    let given_up = sent(&stage).await.remove(0);
    assert_eq!(given_up.state, MessageState::Bounced);
    assert!(
        given_up
            .said
            .unwrap()
            .starts_with("Given up after 16 tries.")
    );
}
