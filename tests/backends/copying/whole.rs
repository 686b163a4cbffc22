//! A first pass.
use crate::awkward;
use crate::copying::Journey;

#[tokio::test]
async fn three_hundred_awkward_messages_arrive_as_they_were_with_their_numbers() {
    let Some(journey) = Journey::new().await else {
        return;
    };
    let mut owner = journey.at_source().await;
    awkward::fill(&mut owner, 300).await;
    // Gaps in the numbers.
    for uid in [2, 3, 9] {
        owner
            .store("INBOX", uid, "+FLAGS (\\Deleted)")
            .await
            .unwrap();
    }
    owner.expunge_marked().await.unwrap();
    owner
        .subscribe("a/very/deep/place of things")
        .await
        .unwrap();

    let pass = journey.pass().await;

    assert!(pass.refused.is_empty(), "{:?}", pass.refused);
    let (source, _) = journey.read().await;
    let count: usize = source.values().map(|folder| folder.messages.len()).sum();
    assert_eq!(pass.copied, count as u64);
    journey.assert_same().await;
    let verified = journey.verified().await;
    assert_eq!(verified.comparison.arrived, 0);
    let subscribed = journey.at_target().await.subscribed().await.unwrap();
    assert!(
        subscribed.contains(&"a/very/deep/place of things".to_owned()),
        "{subscribed:?}"
    );

    let again = journey.pass().await;
    assert_eq!(again.changes(), 0, "{again:?}");
}

#[tokio::test]
async fn mail_that_is_at_the_target_already_stays_and_is_not_taken_for_ours() {
    let Some(journey) = Journey::new().await else {
        return;
    };
    let letter = b"Subject: both have it\r\n\r\nhello\r\n";
    let date = Some("\"24-Nov-2026 10:00:00 +0000\"");
    journey
        .at_source()
        .await
        .append("INBOX", None, date, letter)
        .await
        .unwrap();
    journey
        .at_target()
        .await
        .append("INBOX", None, date, letter)
        .await
        .unwrap();

    let pass = journey.pass().await;

    assert_eq!((pass.copied, pass.recognised), (1, 0));
    let (_, target) = journey.read().await;
    assert_eq!(target["INBOX"].messages.len(), 2);
    assert_eq!(journey.verified().await.comparison.arrived, 1);
}

#[tokio::test]
async fn an_import_adopts_what_is_there_byte_for_byte() {
    let Some(mut journey) = Journey::new().await else {
        return;
    };
    journey.limits.adopt = true;
    let letter = b"Subject: both have it\r\n\r\nhello\r\n";
    let date = Some("\"24-Nov-2026 10:00:00 +0000\"");
    let later = Some("\"24-Nov-2026 10:00:01 +0000\"");
    journey
        .at_source()
        .await
        .append("INBOX", None, date, letter)
        .await
        .unwrap();
    journey
        .at_target()
        .await
        .append("INBOX", None, later, letter)
        .await
        .unwrap();
    journey
        .at_target()
        .await
        .append("INBOX", None, date, letter)
        .await
        .unwrap();

    let pass = journey.pass().await;

    assert_eq!((pass.copied, pass.recognised), (0, 1));
    assert_eq!(
        journey.verified().await.comparison.differences,
        Vec::<String>::new()
    );
}
