//! Letters that a mail server takes and returns later: sent through the real Postfix to a mailbox that
//! is full, brought back by it into a real mailbox, read there by the panel.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use pilothouse::app::{messages, overview};
use pilothouse::authz::{SendMessages, ViewMailboxes, ViewMessages};
use pilothouse::backends::imap::{Login, Tray};
use pilothouse::domain::message::{BounceMailbox as Seen, Message, MessageState};
use pilothouse::domain::{Kind, PageRequest};
use pilothouse::engine::bounces::{self, BounceMailbox, HANDLED, NOT_UNDERSTOOD};
use pilothouse::engine::messages::{Sending, run_once as send};
use pilothouse::engine::reconciler::bring;
use pilothouse::post::Post;
use pilothouse::post::returned::{Returned, read};
use pilothouse::store::engine::bounces::{Noted, bounced};
use pilothouse::store::messages::MessageFilter;

use crate::real::{Owner, PASSWORD, Real};
use crate::stage::{Stage, until};
use crate::theatre::{another, batch_of, try_start};

const BOUNCE: &str = include_str!("../../src/post/returned/postfix-full.eml");
const LATE: &str = include_str!("../../src/post/returned/postfix-delayed.eml");
const ABSENT: &str = include_str!("../../src/post/returned/absence.eml");
const QMAIL: &str = include_str!("../../src/post/returned/qmail.eml");
/// What the samples have come back for.
const SAMPLE: &str = "<019abc00-0000-7000-8000-000000000001@hosting.test>";
/// Postfix brings a notification within a second or two.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mailbox that is full, one that bounces come back to, and a letter to the first on its way.
struct Scene {
    real: Real,
    ann: Owner,
    returns: Owner,
    sending: Sending,
    mailbox: BounceMailbox,
}

impl Scene {
    async fn new() -> Option<Self> {
        let real = Real::new().await?;
        let ann = real.owner(Kind::PopImap).await;
        let returns = real.owner(Kind::PopImap).await;
        let doors = &real.doors;
        let smtp = format!("smtp://{}:{}", doors.host, doors.smtp);
        let post = Post::smtp(&smtp.parse().unwrap(), "panel@hosting.test").unwrap();
        let place = format!("{}:{}", doors.host, doors.imap);
        let mut scene = Self {
            sending: Sending {
                post: post.returning_to(&returns.address).unwrap(),
                panel: "https://panel.test".parse().unwrap(),
            },
            mailbox: opened_by(place, &returns.address, PASSWORD),
            real,
            ann,
            returns,
        };
        scene.ann_may_hold(100).await;
        let mut new = batch_of(&[&scene.ann.local], Kind::Exchange);
        new.notify_users = true;
        try_start(&scene.real.stage, new).await.unwrap();
        bounces::appoint(&scene.real.stage.context, Some(&scene.mailbox))
            .await
            .unwrap();
        scene.send().await;
        Some(scene)
    }

    async fn ann_may_hold(&mut self, bytes: u64) {
        let address = &self.ann.address;
        let sql = format!(
            "UPDATE mailboxes SET quota_bytes = {bytes}, asked_generation = asked_generation + 1 \
             WHERE address = '{address}'"
        );
        self.real.stage.sql(&sql).await;
        let ann = self.real.stage.see(&self.ann.local).await;
        bring(&self.real.stage.context, ann.id).await.unwrap();
    }

    async fn send(&self) {
        send(&self.real.stage.context, &self.sending).await.unwrap();
        assert_eq!(self.letter().await.state, MessageState::Sent);
    }

    async fn letter(&self) -> Message {
        let work = self.real.stage.work::<ViewMessages>("acme").await;
        let page = messages::list(&work, &MessageFilter::default(), &PageRequest::first()).await;
        let mut all = page.unwrap().items;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// A look that is due.
    async fn look(&self) {
        let stage = &self.real.stage;
        stage.world.clock.advance(TimeDelta::seconds(31));
        bounces::run_once(&stage.context, &self.mailbox)
            .await
            .unwrap();
    }

    /// Messages in a folder of the mailbox that bounces come back to.
    async fn count(&self, folder: &str) -> usize {
        let mut imap = self.real.imap(&self.returns).await.unwrap();
        let read = imap.read(folder).await;
        read.map_or(0, |folder| folder.messages.len())
    }

    async fn until_it_lies_there(&self) {
        let begun = Instant::now();
        while self.count("INBOX").await == 0 {
            assert!(begun.elapsed() < PATIENCE, "nothing came back");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn put_in(&self, message: &str) {
        let mut imap = self.real.imap(&self.returns).await.unwrap();
        let put = imap.append("INBOX", None, None, message.as_bytes());
        put.await.unwrap();
    }

    async fn how_it_fares(&self) -> Seen {
        let work = self.real.stage.work::<ViewMessages>("acme").await;
        messages::bounce_mailbox(&work).await.unwrap().unwrap()
    }
}

fn opened_by(place: String, user: &str, password: &str) -> BounceMailbox {
    let login = Login::on_loopback(place, user.to_owned(), password.to_owned().into());
    BounceMailbox {
        login: Login {
            as_administrator: false,
            ..login
        },
    }
}

#[tokio::test]
async fn what_postfix_takes_and_returns_is_bounced_in_its_words_by_whoever_looks_and_once() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.until_it_lies_there().await;
    let stage = &scene.real.stage;
    let second = another(stage, "panel-2").await;
    stage.world.clock.advance(TimeDelta::seconds(31));
    let (one, two) = tokio::join!(
        bounces::run_once(&stage.context, &scene.mailbox),
        bounces::run_once(&second, &scene.mailbox),
    );
    one.unwrap();
    two.unwrap();
    let letter = scene.letter().await;
    assert_eq!(letter.state, MessageState::Bounced, "{letter:?}");
    let said = letter.said.clone().unwrap();
    let begins = format!("It could not be delivered to {}. ", scene.ann.address);
    assert!(said.starts_with(&begins), "{said}");
    assert!(said.contains("said: 552 5.2.2 <"), "{said}");
    assert!(
        said.ends_with("Quota exceeded (mailbox for user is full)"),
        "{said}"
    );
    assert!(letter.returned_at > letter.sent_at, "{letter:?}");
    assert_eq!(
        (scene.count("INBOX").await, scene.count(HANDLED).await),
        (0, 1)
    );
    let work = stage.work::<ViewMailboxes>("acme").await;
    assert_eq!(overview::show(&work).await.unwrap().bounced_total, 1);
    drop(work);
    scene.look().await;
    let again = scene.letter().await;
    assert_eq!(
        (again.said, again.returned_at),
        (Some(said), letter.returned_at)
    );
    assert_eq!(scene.count(HANDLED).await, 1);
}

#[tokio::test]
async fn a_panel_killed_before_it_put_the_notification_away_reads_it_again_and_a_new_try_stays_sent()
 {
    let Some(mut scene) = Scene::new().await else {
        return;
    };
    scene.until_it_lies_there().await;
    let store = scene.real.stage.context.store.clone();
    // All that a look does up to the moment in which it is killed.
    let mut tray = Tray::open(&scene.mailbox.login).await.unwrap();
    let lying = tray.oldest(9).await.unwrap()[0];
    let raw = tray.read(lying.uid).await.unwrap().unwrap();
    let Returned::Failed(failure) = read(&raw) else {
        panic!("{}", String::from_utf8_lossy(&raw));
    };
    let (id, said) = (&failure.message_id, &failure.said);
    let noted = bounced(&store, id, said, lying.at).await.unwrap();
    assert_eq!(noted, Noted::Bounced);
    drop(tray);
    let bounced_letter = scene.letter().await;
    assert_eq!(scene.count("INBOX").await, 1);

    // Meanwhile somebody makes room and sends it again, before the next panel looks.
    scene.ann_may_hold(0).await;
    let work = scene.real.stage.work::<SendMessages>("acme").await;
    messages::send_again(work, bounced_letter.id).await.unwrap();
    scene.send().await;
    scene.look().await;
    let letter = scene.letter().await;
    assert_eq!(letter.state, MessageState::Sent, "{letter:?}");
    assert_eq!(letter.message_id, bounced_letter.message_id);
    assert_eq!(
        (scene.count("INBOX").await, scene.count(HANDLED).await),
        (0, 1)
    );
}

#[tokio::test]
async fn what_is_no_bounce_of_ours_changes_nothing_and_is_put_away() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.until_it_lies_there().await;
    let mut imap = scene.real.imap(&scene.returns).await.unwrap();
    let uid = *imap
        .read("INBOX")
        .await
        .unwrap()
        .messages
        .keys()
        .next()
        .unwrap();
    imap.expunge("INBOX", uid).await.unwrap();
    let id = scene.letter().await.message_id;
    scene.put_in(&LATE.replace(SAMPLE, &id)).await;
    scene.put_in(&ABSENT.replace(SAMPLE, &id)).await;
    scene.put_in(BOUNCE).await;
    // Our id under another host is not ours.
    let (own, _) = id.split_once('@').unwrap();
    let elsewhere = format!("{own}@elsewhere.test>");
    scene.put_in(&BOUNCE.replace(SAMPLE, &elsewhere)).await;
    scene.put_in(&QMAIL.replace(SAMPLE, &id)).await;
    scene.look().await;
    let letter = scene.letter().await;
    assert_eq!(letter.state, MessageState::Sent, "{letter:?}");
    let (left, handled) = (scene.count("INBOX").await, scene.count(HANDLED).await);
    let others = scene.count(NOT_UNDERSTOOD).await;
    assert_eq!((left, handled, others), (0, 4, 1));

    // One with three megabytes behind it is read as far as it must be.
    let end = "\r\n--911D199401D.1795538077/mail.example.test--";
    let filler = format!("{}{end}", "All of it came back.\r\n".repeat(150_000));
    scene
        .put_in(&BOUNCE.replace(SAMPLE, &id).replace(end, &filler))
        .await;
    scene.look().await;
    let letter = scene.letter().await;
    assert_eq!(letter.state, MessageState::Bounced, "{letter:?}");
    assert_eq!(scene.count(HANDLED).await, 5);
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_opened_is_said_until_it_can() {
    let Some(scene) = Scene::new().await else {
        return;
    };
    scene.until_it_lies_there().await;
    let stage = &scene.real.stage;
    let login = &scene.mailbox.login;
    let wrong = opened_by(login.place.clone(), &login.user, "not the password");
    stage.world.clock.advance(TimeDelta::seconds(31));
    bounces::run_once(&stage.context, &wrong).await.unwrap();
    let shut = scene.how_it_fares().await;
    let problem = shut.problem.clone().unwrap();
    assert!(
        problem.contains("cannot be read. Its server refuses: signing in"),
        "{problem}"
    );
    assert!(problem.starts_with(&shut.name), "{problem}");
    assert!(!problem.contains("not the password"), "{problem}");
    let work = stage.work::<ViewMailboxes>("platform").await;
    let told = overview::show(&work).await.unwrap().bounces_unread;
    assert_eq!(told, Some((problem, shut.problem_since.unwrap())));
    drop(work);
    // It is left alone for a while, then tried again.
    bounces::run_once(&stage.context, &scene.mailbox)
        .await
        .unwrap();
    assert!(scene.how_it_fares().await.problem.is_some());
    scene.look().await;
    let open = scene.how_it_fares().await;
    assert_eq!((open.problem, open.problem_since), (None, None));
    assert_eq!(scene.letter().await.state, MessageState::Bounced);
}

#[tokio::test]
async fn pauses_grow_while_nothing_answers_and_no_mailbox_is_none_that_fails() {
    let stage = Stage::new().await;
    let nobody = opened_by("127.0.0.1:1".to_owned(), "bounces@hosting.test", "secret");
    let seen = async || {
        let work = stage.work::<ViewMessages>("acme").await;
        messages::bounce_mailbox(&work).await.unwrap()
    };
    bounces::appoint(&stage.context, Some(&nobody))
        .await
        .unwrap();
    let begun = stage.world.clock.now();
    for seconds in [30, 60, 120, 240, 480, 480] {
        bounces::run_once(&stage.context, &nobody).await.unwrap();
        let failed = seen().await.unwrap();
        assert_eq!(failed.problem_since, Some(begun), "{failed:?}");
        let failures = async || {
            let sql = "UPDATE bounce_mailboxes SET failures = failures WHERE next_look_at > ";
            let now = stage.world.clock.now() + TimeDelta::seconds(seconds - 1);
            stage
                .sql(&format!("{sql}'{}'", now.format("%F %T+00:00")))
                .await
        };
        assert_eq!(failures().await, 1, "less than {seconds} s");
        stage.world.clock.advance(TimeDelta::seconds(seconds));
    }
    bounces::appoint(&stage.context, None).await.unwrap();
    assert_eq!(seen().await, None);
    bounces::run_once(&stage.context, &nobody).await.unwrap();
    assert_eq!(seen().await, None);
}

/// A server that lets everybody connect and never says a word; how many came.
async fn silent() -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let came = Arc::new(AtomicUsize::new(0));
    let counted = came.clone();
    tokio::spawn(async move {
        let mut kept = vec![];
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (place, came)
}

#[tokio::test]
async fn one_panel_looks_as_long_as_it_lives_and_another_soon_after() {
    let (place, came) = silent().await;
    let lease = Duration::from_millis(900);
    let mut stage = Stage::new().await;
    stage.context.pace.lease = lease;
    let _flow = stage.flow(1);
    let mailbox = opened_by(place, "bounces@hosting.test", "secret");
    bounces::appoint(&stage.context, Some(&mailbox))
        .await
        .unwrap();
    let looks = |context: pilothouse::engine::Context| {
        let mailbox = mailbox.clone();
        tokio::spawn(async move {
            loop {
                bounces::run_once(&context, &mailbox).await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };
    let second = another(&stage, "panel-2").await;
    let first = looks(stage.context.clone());
    until("somebody looks", || came.load(Ordering::SeqCst) == 1).await;
    let second = looks(second);
    tokio::time::sleep(lease * 4).await;
    assert_eq!(came.load(Ordering::SeqCst), 1, "two read at once");
    first.abort();
    let begun = Instant::now();
    until("another looks", || came.load(Ordering::SeqCst) == 2).await;
    // The clock of the stage is a little slower than the one on the wall.
    assert!(begun.elapsed() < lease * 6, "{:?}", begun.elapsed());
    second.abort();
}
