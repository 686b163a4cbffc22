//! Mail that arrives, and owners who do things, at the worst moments.
use pilothouse::backends::memory::{Call, Letter};
use pilothouse::domain::{ItemState, Kind, Protocol};

use crate::stage::{Stage, address};
use crate::theatre::{carry_on, furnished, item, mail, start};

/// The reads of a conversion, in order: survey, mark, compare, settle.
const READS: usize = 4;

#[tokio::test]
async fn mail_that_arrives_before_any_reading_is_kept_and_told_apart() {
    for moment in 0..READS {
        let stage = Stage::new().await;
        furnished(&stage, "ann", Kind::PopImap).await;
        for nth in 0..READS {
            stage.server.before_next(Call::Snapshot, move |server| {
                if nth == moment {
                    server
                        .deliver(&address("ann"), b"Subject: new\r\n\r\n")
                        .unwrap();
                }
            });
        }
        let started = start(&stage, &["ann"], Kind::Exchange).await;
        carry_on(&stage.context).await;
        let item = item(&stage, &started).await;
        assert_eq!(item.state, ItemState::Done, "{:?}", item.error);
        let receipt = item.receipt.unwrap();
        // Before the doors are shut it is part of the mailbox; behind shut doors it arrives.
        let known = if moment < 2 { 13 } else { 12 };
        assert_eq!(receipt.before.messages, known, "moment {moment}");
        assert_eq!(
            receipt.arrived_meanwhile,
            u64::from(moment == 2),
            "moment {moment}"
        );
        assert_eq!(mail(&stage, "ann").await.summary().messages, 13);
    }
}

#[tokio::test]
async fn what_the_owner_does_while_the_doors_are_open_is_no_loss() {
    for moment in [0, 1, 3] {
        let stage = Stage::new().await;
        furnished(&stage, "ann", Kind::PopImap).await;
        for nth in 0..READS {
            stage.server.before_next(Call::Snapshot, move |server| {
                if nth == moment {
                    let ann = address("ann");
                    assert!(server.expunge(&ann, "INBOX", 1));
                    assert!(server.flag(&ann, "INBOX", 2, &["\\Flagged"]));
                    let letter = Letter {
                        body: b"mine",
                        flags: &[],
                        date: chrono::DateTime::UNIX_EPOCH,
                    };
                    server.append(&ann, "My own folder", &letter).unwrap();
                }
            });
        }
        let started = start(&stage, &["ann"], Kind::Exchange).await;
        carry_on(&stage.context).await;
        let item = item(&stage, &started).await;
        assert_eq!(
            item.state,
            ItemState::Done,
            "moment {moment}: {:?}",
            item.error
        );
        let again = item.receipt.unwrap().read_again.unwrap();
        let after_opening = u64::from(moment == 3);
        assert_eq!(
            (again.removed_since, again.flagged_since),
            (after_opening, after_opening),
            "moment {moment}"
        );
    }
}

#[tokio::test]
async fn nobody_gets_in_between_the_two_readings() {
    let stage = Stage::new().await;
    furnished(&stage, "ann", Kind::PopImap).await;
    stage
        .server
        .sign_in(&address("ann"), Protocol::Imap)
        .unwrap();
    let shut = |server: &pilothouse::backends::memory::MemoryServer| {
        let ann = address("ann");
        assert!(server.sessions(&ann).is_empty());
        for protocol in Protocol::ALL {
            let why = server.sign_in(&ann, protocol).unwrap_err();
            assert!(why.contains("being switched over"), "{protocol:?}: {why}");
        }
    };
    stage.server.before_next(Call::Snapshot, |server| {
        server.sign_in(&address("ann"), Protocol::Imap).unwrap();
    });
    stage.server.before_next(Call::Snapshot, shut);
    stage.server.before_next(Call::Snapshot, shut);
    let started = start(&stage, &["ann"], Kind::Exchange).await;
    carry_on(&stage.context).await;
    assert_eq!(item(&stage, &started).await.state, ItemState::Done);
    assert_eq!(stage.server.calls(Call::Snapshot), READS as u64);
}
