//! A server that changes mail under our hands: found, named, and switched back.
use pilothouse::backends::memory::{Call, MemoryServer};
use pilothouse::domain::{BatchState, ItemState, Kind, MailboxState, Place, Protocol};

use crate::stage::{Stage, address};
use crate::theatre::{batch, carry_on, furnished, item, mail, start};

/// Converts while `harm` is done before the nth reading; returns the sentence of the failure.
async fn harmed(nth: usize, harm: fn(&MemoryServer)) -> String {
    let stage = Stage::new().await;
    let before = furnished(&stage, "ann", Kind::PopImap).await;
    let open = stage.server.account(&address("ann")).unwrap().open;
    for n in 0..=nth {
        stage.server.before_next(Call::Snapshot, move |server| {
            if n == nth {
                harm(server);
            }
        });
    }
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    let item = item(&stage, &started).await;
    assert_eq!((item.state, item.place), (ItemState::Failed, Place::Over));
    let receipt = item.receipt.unwrap();
    assert!(
        !receipt.identical && receipt.differences.len() == 1,
        "{receipt:?}"
    );
    let after = stage.see("ann").await;
    assert_eq!(
        (after.kind, after.state),
        (Kind::PopImap, MailboxState::Ready)
    );
    assert_eq!(
        (after.plan, after.quota_bytes),
        (before.plan, before.quota_bytes)
    );
    assert_eq!(after.levels, before.levels);
    assert_eq!(stage.server.account(&address("ann")).unwrap().open, open);
    let over = batch(&stage, &started).await;
    assert_eq!(
        (over.state, over.counts.failed),
        (BatchState::DoneWithFailures, 1)
    );
    let error = item.error.unwrap();
    assert!(error.contains("switched back to POP/IMAP"), "{error}");
    error
}

#[tokio::test]
async fn a_message_that_disappears_behind_shut_doors_is_named() {
    let error = harmed(2, |server| {
        assert!(server.expunge(&address("ann"), "Sent", 2));
    })
    .await;
    assert!(error.contains("Message 2 in Sent is gone."), "{error}");
}

#[tokio::test]
async fn flags_that_change_behind_shut_doors_are_named() {
    let error = harmed(2, |server| {
        assert!(server.flag(&address("ann"), "INBOX", 1, &["\\Flagged"]));
    });
    let error = error.await;
    assert!(
        error.contains("Message 1 in INBOX has other flags (\\Flagged new) than before."),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_with_new_numbers_is_named() {
    let error = harmed(2, |server| server.renumber(&address("ann"), "Sent")).await;
    assert!(
        error.contains("Folder Sent changed its UIDVALIDITY"),
        "{error}"
    );
}

#[tokio::test]
async fn a_folder_that_disappears_is_named() {
    let gone = |server: &MemoryServer| assert!(server.delete_folder(&address("ann"), "Sent"));
    let error = harmed(2, gone).await;
    assert!(
        error.contains("Folder Sent with 4 messages is gone."),
        "{error}"
    );
}

#[tokio::test]
async fn text_that_changes_at_the_same_length_is_found_by_the_last_reading() {
    let error = harmed(3, |server| {
        let ann = address("ann");
        let body = b"Subject: letter 0\r\n\r\nTo bob.\r\n";
        assert!(server.tamper(&ann, "INBOX", 1, body));
    });
    let error = error.await;
    assert!(
        error.contains("Message 1 in INBOX has other text"),
        "{error}"
    );
}

#[tokio::test]
async fn a_failed_one_can_be_tried_again_and_then_succeeds() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    for nth in 0..3 {
        stage.server.before_next(Call::Snapshot, move |server| {
            if nth == 2 {
                assert!(server.expunge(&address("ann"), "Sent", 2));
            }
        });
    }
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Failed);
    let work = stage.work("acme").await;
    let again = pilothouse::app::conversions::retry_failed(work, started.id)
        .await
        .unwrap();
    assert_eq!((again.state, again.counts.queued), (BatchState::Running, 1));
    carry_on(&stage.context).await;
    let item = item(&stage, &started).await;
    assert_eq!((item.state, item.error), (ItemState::Done, None));
    assert_eq!(mail(&stage, "ann").await.summary().messages, 11);
    stage
        .server
        .sign_in(&address("ann"), Protocol::Activesync)
        .unwrap();
}
