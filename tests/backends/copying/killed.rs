//! Passes that are killed and taken up again.
use std::time::Duration;

use crate::awkward;
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
