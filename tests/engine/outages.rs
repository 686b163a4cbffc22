//! Servers that let one down: things wait and say so, and get there by themselves.
use std::time::Duration;

use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::app::servers;
use pilothouse::authz::{EditMailboxes, SuspendMailboxes, ViewServers};
use pilothouse::backends::memory::{Call, Fault};
use pilothouse::domain::{Kind, MailboxState, Protocol};

use crate::stage::{Stage, address};

#[tokio::test]
async fn while_a_server_is_down_everything_waits_and_says_so_and_then_gets_there() {
    let stage = Stage::new().await;
    stage.server.go_down();
    let _engine = stage.start();
    let _time = stage.flow(5);
    stage.add("ann", Kind::PopImap).await;
    let waits = |problem: &Option<String>| {
        let problem = problem.as_deref().unwrap_or_default();
        problem.starts_with("mail-1 does not answer; next try in ") && problem.ends_with(" s.")
    };
    stage.until("ann", |mailbox| waits(&mailbox.problem)).await;
    // What is asked for in the meantime waits, too.
    stage.add("bob", Kind::PopImap).await;
    let bob = stage.until("bob", |mailbox| waits(&mailbox.problem)).await;
    assert_eq!(bob.state, MailboxState::Pending);
    let work = stage.work::<ViewServers>("platform").await;
    let server = servers::find(&work, "mail-1").await.unwrap();
    assert_eq!((server.state.as_str(), server.queue), ("down", 2));
    drop(work);
    stage.server.come_back();
    for local in ["ann", "bob"] {
        let mailbox = stage.until_state(local, MailboxState::Ready).await;
        assert_eq!(mailbox.problem, None);
    }
    let work = stage.work::<ViewServers>("platform").await;
    let server = servers::find(&work, "mail-1").await.unwrap();
    assert_eq!((server.state.as_str(), server.queue), ("up", 0));
    assert_eq!(server.problem, None);
}

#[tokio::test]
async fn a_refusal_fails_with_a_sentence_and_the_next_change_tries_again() {
    let stage = Stage::new().await;
    let why = Fault::Refuse("the disk is full".to_owned());
    stage.server.fail_next(Call::Apply, 1, &why);
    let _engine = stage.start();
    stage.add("ann", Kind::PopImap).await;
    let failed = stage.until_state("ann", MailboxState::Failed).await;
    let problem = failed.problem.unwrap();
    assert!(
        problem.starts_with("mail-1 refuses the change: the disk is full. "),
        "{problem}"
    );
    // It is left alone until somebody acts.
    let calls = stage.server.calls(Call::Apply);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.server.calls(Call::Apply), calls);
    let change = MailboxChange {
        display_name: Some("Ann Archer".to_owned()),
        ..MailboxChange::default()
    };
    let work = stage.work::<EditMailboxes>("acme").await;
    mailboxes::update(work, address("ann").as_str(), change, None)
        .await
        .unwrap();
    let mailbox = stage.until_state("ann", MailboxState::Ready).await;
    assert_eq!(mailbox.problem, None);
}

#[tokio::test]
async fn answers_that_are_lost_after_the_effect_do_no_harm() {
    let stage = Stage::new().await;
    stage.server.fail_next(Call::Apply, 3, &Fault::LoseAnswer);
    let _engine = stage.start();
    let _time = stage.flow(10);
    stage.ready("ann", Kind::Exchange).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Activesync)
        .unwrap();
    stage.server.fail_next(Call::Observe, 2, &Fault::LoseAnswer);
    stage.ready("bob", Kind::PopImap).await;
}

#[tokio::test]
async fn one_busy_mailbox_holds_up_nobody_else() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let busy = Fault::Busy("the mailbox is locked".to_owned());
    stage.server.fail_next(Call::Apply, 1, &busy);
    let work = stage.work::<SuspendMailboxes>("acme").await;
    mailboxes::suspend(work, address("ann").as_str(), "unpaid")
        .await
        .unwrap();
    let says = "mail-1 cannot do it at the moment (the mailbox is locked); next try in 1 s.";
    stage
        .until("ann", |mailbox| mailbox.problem.as_deref() == Some(says))
        .await;
    stage.ready("bob", Kind::PopImap).await;
    let _time = stage.flow(10);
    stage.until_state("ann", MailboxState::Suspended).await;
}

#[tokio::test]
async fn a_pass_broken_off_between_the_door_and_the_session_still_ends_the_session() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage.ready("ann", Kind::PopImap).await;
    let ann = address("ann");
    stage.server.sign_in(&ann, Protocol::Imap).unwrap();
    // The update is carried out; what follows it, showing people out, is lost.
    stage.server.before_next(Call::Apply, |server| {
        server.fail_next(Call::Apply, 1, &Fault::LoseRequest);
    });
    let work = stage.work::<SuspendMailboxes>("acme").await;
    mailboxes::suspend(work, ann.as_str(), "unpaid")
        .await
        .unwrap();
    stage
        .until("ann", |mailbox| mailbox.problem.is_some())
        .await;
    assert_eq!(stage.server.sessions(&ann), [Protocol::Imap]);
    let _time = stage.flow(10);
    stage.until_state("ann", MailboxState::Suspended).await;
    assert_eq!(stage.server.sessions(&ann), []);
}

#[tokio::test]
async fn a_loop_that_stumbles_goes_on() {
    let stage = Stage::new().await;
    let _engine = stage.start();
    stage
        .server
        .before_next(Call::Observe, |_| panic!("on purpose"));
    let _time = stage.flow(100);
    stage.ready("ann", Kind::PopImap).await;
}
