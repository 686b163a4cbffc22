//! Passes after the first: what happened at the source meanwhile is carried over, and nothing else.
use pilothouse::backends::imap::copy::Mode;

use crate::awkward;
use crate::copying::Journey;

const LETTER: &[u8] = b"Subject: later\r\n\r\nhello\r\n";

async fn copied(messages: usize) -> Option<Journey> {
    let journey = Journey::new().await?;
    awkward::fill(&mut journey.at_source().await, messages).await;
    journey.pass().await;
    journey.assert_same().await;
    Some(journey)
}

#[tokio::test]
async fn new_expunged_and_flagged_messages_are_carried_over() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_source().await;
    owner
        .append("Sent", Some("(\\Seen)"), None, LETTER)
        .await
        .unwrap();
    owner
        .store("INBOX", 2, "FLAGS (\\Flagged $Later)")
        .await
        .unwrap();
    owner.store("Sent", 1, "+FLAGS (\\Deleted)").await.unwrap();
    owner.expunge_marked().await.unwrap();

    let pass = journey.pass().await;

    assert_eq!(
        (pass.copied, pass.flagged, pass.removed),
        (1, 1, 1),
        "{pass:?}"
    );
    assert_eq!(pass.folders, 2, "only folders that changed are looked at");
    journey.assert_same().await;
    assert_eq!(journey.pass().await.changes(), 0);
}

#[tokio::test]
async fn new_renamed_and_removed_folders_are_carried_over() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_source().await;
    owner.create("New/Inside").await.unwrap();
    owner
        .append("New/Inside", None, None, LETTER)
        .await
        .unwrap();
    owner.rename("&U,BTFw-", "Taipei").await.unwrap();
    owner.rename("a/very/deep", "deep").await.unwrap();
    owner.delete("Archive/2019").await.unwrap();

    let pass = journey.pass().await;

    assert_eq!(
        pass.copied, 1,
        "what was renamed is not copied again: {pass:?}"
    );
    journey.assert_same().await;
    assert_eq!(journey.pass().await.changes(), 0);
}

#[tokio::test]
async fn two_folders_that_swapped_their_names_are_swapped() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_source().await;
    owner.rename("&U,BTFw-", "aside").await.unwrap();
    owner.rename("Plans &- Ideas", "&U,BTFw-").await.unwrap();
    owner.rename("aside", "Plans &- Ideas").await.unwrap();

    let pass = journey.pass().await;

    assert_eq!(pass.copied, 0, "{pass:?}");
    journey.assert_same().await;
}

#[tokio::test]
async fn a_folder_that_was_deleted_and_made_anew_is_copied_anew() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_source().await;
    owner.delete("Archive/2019").await.unwrap();
    owner.create("Archive/2019").await.unwrap();
    owner
        .append("Archive/2019", None, None, LETTER)
        .await
        .unwrap();

    journey.pass().await;

    let (source, target) = journey.read().await;
    let marks = |folder: &crate::clients::imap::Folder| -> Vec<_> {
        folder.messages.values().cloned().collect()
    };
    assert_eq!(
        marks(&source["Archive/2019"]),
        marks(&target["Archive/2019"])
    );
    assert_eq!(
        journey.verified().await.comparison.differences,
        Vec::<String>::new()
    );
    assert_eq!(journey.pass().await.changes(), 0);
}

#[tokio::test]
async fn what_the_owner_does_at_the_target_stays() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_target().await;
    owner
        .append("INBOX", None, None, b"Subject: mine\r\n\r\n")
        .await
        .unwrap();
    owner.store("INBOX", 1, "FLAGS ($Mine)").await.unwrap();
    owner.store("Sent", 1, "+FLAGS (\\Deleted)").await.unwrap();
    owner.expunge_marked().await.unwrap();
    let (_, before) = journey.read().await;
    let mut source = journey.at_source().await;
    source.append("INBOX", None, None, LETTER).await.unwrap();

    let pass = journey.pass().await;

    assert_eq!(
        (pass.copied, pass.flagged, pass.removed),
        (1, 0, 0),
        "{pass:?}"
    );
    let (_, mut after) = journey.read().await;
    let last = after.get_mut("INBOX").unwrap().messages.pop_last().unwrap();
    assert_eq!(last.1.size as usize, LETTER.len());
    assert_eq!(before, after);
}

#[tokio::test]
async fn additions_only_add() {
    let Some(mut journey) = copied(24).await else {
        return;
    };
    let (_, before) = journey.read().await;
    let mut owner = journey.at_source().await;
    owner
        .append("Straggler", None, None, LETTER)
        .await
        .unwrap_err();
    owner.create("Straggler").await.unwrap();
    owner.append("Straggler", None, None, LETTER).await.unwrap();
    owner.store("INBOX", 1, "FLAGS (\\Flagged)").await.unwrap();
    owner.store("INBOX", 2, "+FLAGS (\\Deleted)").await.unwrap();
    owner.expunge_marked().await.unwrap();
    owner.delete("Archive/2019").await.unwrap();
    owner.rename("&U,BTFw-", "Taipei").await.unwrap();
    journey.limits.mode = Mode::Additions;

    let pass = journey.pass().await;

    assert_eq!(
        (pass.copied, pass.flagged, pass.removed),
        (1, 0, 0),
        "{pass:?}"
    );
    let (_, mut after) = journey.read().await;
    assert_eq!(after.remove("Straggler").unwrap().messages.len(), 1);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_copy_goes_back_with_its_ledger_turned_round() {
    let Some(journey) = copied(24).await else {
        return;
    };
    let mut owner = journey.at_target().await;
    owner.append("INBOX", None, None, LETTER).await.unwrap();
    owner.store("INBOX", 1, "FLAGS ($Mine)").await.unwrap();
    owner.store("Sent", 1, "+FLAGS (\\Deleted)").await.unwrap();
    owner.expunge_marked().await.unwrap();

    let (source, target) = journey.ends();
    let ledger = journey.ledger.reversed();
    let limits = &journey.limits;
    let back = pilothouse::backends::imap::copy::pass(&target, &source, &ledger, limits, &|_| {});
    let pass = back.await.unwrap();

    assert_eq!(
        (pass.copied, pass.flagged, pass.removed),
        (1, 1, 1),
        "{pass:?}"
    );
    let (source, target) = journey.read().await;
    assert_eq!(source, target);
}
