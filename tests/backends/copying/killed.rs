//! Passes that are killed and taken up again.
use std::time::Duration;

use pilothouse::backends::imap::copy::{self, Limits, Mode};

use crate::awkward;
use crate::clients::imap::Imap;
use crate::copying::Journey;

async fn filled(messages: usize) -> Option<Journey> {
    let journey = Journey::new().await?;
    awkward::fill(&mut journey.at_source().await, messages).await;
    Some(journey)
}

#[tokio::test]
async fn killed_at_any_moment_nothing_is_lost_and_nothing_doubled() {
    let Some(journey) = filled(300).await else {
        return;
    };
    let mut killed = 0;
    // Primes, so that the moments do not fall on the same steps each time.
    for millis in [2, 5, 11, 17, 23, 31, 41, 53, 67, 83, 101, 127, 149, 173] {
        let moment = Duration::from_millis(millis);
        if tokio::time::timeout(moment, journey.try_pass())
            .await
            .is_err()
        {
            killed += 1;
        }
    }
    assert!(killed > 3, "{killed}");

    journey.pass().await;

    journey.assert_same().await;
    assert_eq!(journey.verified().await.comparison.arrived, 0);
}

#[tokio::test]
async fn killed_between_the_target_and_the_ledger_nothing_is_doubled() {
    let Some(journey) = filled(60).await else {
        return;
    };
    let mut ahead = false;
    for writes in [0, 1, 2, 3, 5, 8, 13, 21] {
        journey.ledger.fail_after(writes);
        let _ = journey.try_pass().await;
        let (_, target) = journey.read().await;
        let there: usize = target.values().map(|folder| folder.messages.len()).sum();
        ahead |= there > journey.ledger.count();
    }
    assert!(ahead, "the target never held what the ledger did not know");
    journey.ledger.fail_after(i64::MAX);
    journey
        .at_target()
        .await
        .append("INBOX", None, None, b"Subject: own\r\n\r\n")
        .await
        .unwrap();

    journey.pass().await;

    assert_eq!(journey.ledger.count(), 60);
    let verified = journey.verified().await;
    assert_eq!(verified.comparison.differences, Vec::<String>::new());
    assert_eq!(
        verified.comparison.arrived, 1,
        "what came by itself stays, and nothing else"
    );
}

#[tokio::test]
async fn flags_that_a_killed_pass_had_begun_to_carry_are_in_the_end_those_of_the_source() {
    let Some(journey) = filled(40).await else {
        return;
    };
    journey.pass().await;
    let mut owner = journey.at_source().await;
    let here = owner.read_all().await.unwrap();
    let uids: Vec<u32> = here["INBOX"].messages.keys().copied().take(4).collect();
    for writes in [0, 1, 2, 3] {
        for uid in &uids {
            owner
                .store("INBOX", *uid, "FLAGS (\\Flagged Junk)")
                .await
                .unwrap();
        }
        journey.ledger.fail_after(writes);
        let _ = journey.try_pass().await;
        // The owner takes it back: at the source it is as the ledger had it before.
        for (uid, before) in &here["INBOX"].messages {
            let flags = before.flags.join(" ");
            owner
                .store("INBOX", *uid, &format!("FLAGS ({flags})"))
                .await
                .unwrap();
        }
        journey.ledger.fail_after(i64::MAX);
        journey.pass().await;
        journey.assert_same().await;
    }
}

/// New letters at the source until a pass is killed when the target has one that the ledger does
/// not know.
async fn killed_after_appending(journey: &Journey) -> Imap {
    let mut owner = journey.at_source().await;
    for writes in 1..30 {
        let letter = format!("Subject: late {writes}\r\n\r\nHello.\r\n");
        let appended = owner.append("INBOX", None, None, letter.as_bytes()).await;
        appended.unwrap();
        journey.ledger.fail_after(writes);
        let _ = journey.try_pass().await;
        journey.ledger.fail_after(i64::MAX);
        let (_, target) = journey.read().await;
        let there: usize = target.values().map(|folder| folder.messages.len()).sum();
        if there > journey.ledger.count() {
            return owner;
        }
        journey.pass().await;
    }
    panic!("the target never held what the ledger did not know");
}

#[tokio::test]
async fn what_a_killed_pass_had_appended_gets_the_flags_that_it_has_by_now() {
    let Some(journey) = filled(10).await else {
        return;
    };
    journey.pass().await;
    let mut owner = killed_after_appending(&journey).await;
    let inbox = owner.read("INBOX").await.unwrap();
    let last = inbox.messages.keys().max().unwrap();
    let flags = "FLAGS (\\Seen $Label1)";
    owner.store("INBOX", *last, flags).await.unwrap();

    journey.pass().await;

    journey.assert_same().await;
}

#[tokio::test]
async fn what_a_killed_pass_had_appended_and_its_owner_removed_since_goes() {
    let Some(mut journey) = filled(10).await else {
        return;
    };
    journey.limits.alone = true;
    journey.pass().await;
    let mut owner = killed_after_appending(&journey).await;
    let inbox = owner.read("INBOX").await.unwrap();
    let last = inbox.messages.keys().max().unwrap();
    owner.expunge("INBOX", *last).await.unwrap();

    journey.pass().await;

    journey.assert_same().await;
}

#[tokio::test]
async fn what_a_killed_pass_had_appended_is_not_copied_back_to_where_it_came_from() {
    let Some(journey) = filled(10).await else {
        return;
    };
    journey.pass().await;
    killed_after_appending(&journey).await;
    let before = journey.read().await.0;
    let ((source, target), back) = (journey.ends(), journey.ledger.reversed());
    let limits = Limits {
        mode: Mode::Additions,
        ..Limits::default()
    };

    let passed = copy::pass(&target, &source, &back, &limits, &|_| {}).await;

    passed.unwrap();
    assert_eq!(journey.read().await.0, before);
}
