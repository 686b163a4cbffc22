//! Servers that can little, or do things their own way.
use futures_util::future::join_all;
use pilothouse::backends::imap::copy::{self, CopyError, Limits};
use pilothouse::domain::copying::Pass;

use crate::copying::fake::{Fake, State};
use crate::support::MemoryLedger;

const POOR: &str = "IMAP4rev1";
const RICH: &str = "IMAP4rev1 UIDPLUS LITERAL+ MULTIAPPEND NAMESPACE ESEARCH";
const DATE: &str = "24-Nov-2026 10:00:00 +0000";

struct Pair {
    source: Fake,
    target: Fake,
    ledger: MemoryLedger,
}

impl Pair {
    /// Forty messages in three folders at the source, two of them large and two the same.
    async fn new(source: &str, target: &str) -> Self {
        let pair = Self {
            source: Fake::start(source).await,
            target: Fake::start(target).await,
            ledger: MemoryLedger::default(),
        };
        pair.at_source(|state| {
            state.create("Sent");
            state.create("Plans/2026");
            for n in 0..40 {
                let folder = ["INBOX", "Sent", "Plans/2026"][n % 3];
                let size = if n % 20 == 7 { 300_000 } else { 100 + n * 37 };
                let text = if n == 38 { 2 } else { n };
                let body = format!("Subject: letter {text}\r\n\r\n{}", "ä".repeat(size / 2));
                let date = format!("{:02}-Nov-2026 10:00:00 +0000", 1 + text % 28);
                state.put(
                    folder,
                    ["", "$Label1 \\Seen"][n % 2],
                    &date,
                    body.as_bytes(),
                );
            }
        });
        pair
    }

    fn at_source<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.source.state.lock().unwrap())
    }

    fn at_target<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.target.state.lock().unwrap())
    }

    async fn try_pass(&self) -> Result<Pass, CopyError> {
        let (source, target) = (self.source.end(), self.target.end());
        copy::pass(&source, &target, &self.ledger, &Limits::default(), &|_| {}).await
    }

    async fn pass(&self) -> Pass {
        self.try_pass().await.unwrap()
    }

    fn assert_same(&self, when: &str) {
        let source = self.at_source(|state| state.contents());
        let target = self.at_target(|state| state.contents());
        let told = |all: &[(String, String, String, Vec<u8>)]| -> Vec<_> {
            let one = |(name, flags, date, body): &(String, String, String, Vec<u8>)| {
                format!("{name} ({flags}) {date} {} bytes", body.len())
            };
            all.iter().map(one).collect()
        };
        assert_eq!(told(&source), told(&target), "{when}");
        assert!(source == target, "{when}: a text differs");
    }
}

#[tokio::test]
async fn servers_that_can_nothing_are_copied_from_and_to() {
    for (source, target) in [(POOR, POOR), (RICH, POOR), (POOR, RICH)] {
        let pair = Pair::new(source, target).await;
        let pass = pair.pass().await;
        assert_eq!(
            (pass.copied, pass.refused.len()),
            (40, 0),
            "{source} to {target}"
        );
        pair.assert_same(target);
        assert_eq!(pair.pass().await.changes(), 0);

        pair.at_source(|state| {
            state.put("Sent", "", DATE, b"Subject: later\r\n\r\n");
            let inbox = state.folders.get_mut("INBOX").unwrap();
            inbox.letters.remove(3);
            inbox.letters[0].flags = "\\Answered".to_owned();
        });
        let pass = pair.pass().await;
        assert_eq!(
            (pass.copied, pass.removed, pass.flagged),
            (1, 1, 1),
            "{pass:?}"
        );
        pair.assert_same("after the second pass");
    }
}

#[tokio::test]
async fn messages_may_come_backwards_and_tell_which_they_are_at_the_end() {
    let pair = Pair::new(RICH, RICH).await;
    pair.at_source(|state| state.backwards = true);
    pair.pass().await;
    pair.assert_same("backwards");
}

#[tokio::test]
async fn without_a_precise_expunge_what_the_owner_marked_as_deleted_stays() {
    let pair = Pair::new(RICH, POOR).await;
    pair.pass().await;
    let own = pair.at_target(|state| state.put("INBOX", "\\Deleted", DATE, b"mine\r\n"));
    pair.at_source(|state| drop(state.folders.get_mut("INBOX").unwrap().letters.remove(0)));

    let pass = pair.pass().await;

    assert_eq!(pass.removed, 0, "{pass:?}");
    assert!(pair.at_target(|state| {
        let letters = &state.folders["INBOX"].letters;
        letters.iter().any(|letter| letter.uid == own)
    }));
    // Once the owner has made up their mind, it is.
    pair.at_target(|state| {
        let letters = &mut state.folders.get_mut("INBOX").unwrap().letters;
        letters.retain(|letter| letter.uid != own);
    });
    assert_eq!(pair.pass().await.removed, 1);
    pair.assert_same("after all");
}

#[tokio::test]
async fn one_message_that_is_refused_does_not_stop_the_others() {
    for target in [RICH, POOR] {
        let pair = Pair::new(RICH, target).await;
        pair.at_target(|state| {
            state.refuses = Some((b"letter 6\r".to_vec(), "[CANNOT] not that one".to_owned()));
        });
        let pass = pair.pass().await;
        assert_eq!(pass.copied, 39);
        let [refused] = pass.refused.as_slice() else {
            panic!("{:?}", pass.refused)
        };
        assert_eq!((refused.folder.as_str(), refused.uid), ("INBOX", 3));
        assert_eq!(refused.why, "not that one");
        pair.at_target(|state| state.refuses = None);
        assert_eq!(pair.pass().await.copied, 1);
        pair.assert_same(target);
    }
}

#[tokio::test]
async fn a_full_mailbox_ends_the_pass_and_says_so() {
    let pair = Pair::new(RICH, RICH).await;
    pair.at_target(|state| {
        state.refuses = Some((
            b"letter 6\r".to_vec(),
            "[OVERQUOTA] 10 MB are used".to_owned(),
        ));
    });
    let fault = pair.try_pass().await.unwrap_err();
    assert!(!fault.passes());
    assert_eq!(
        fault.to_string(),
        "the mailbox at the target is full: 10 MB are used"
    );
    pair.at_target(|state| state.refuses = None);
    pair.pass().await;
    pair.assert_same("when there is room again");
}

#[tokio::test]
async fn numbers_that_change_on_either_side_double_nothing() {
    let pair = Pair::new(RICH, RICH).await;
    pair.pass().await;
    let renumber = |state: &mut State| {
        let inbox = state.folders.get_mut("INBOX").unwrap();
        inbox.uidvalidity += 1000;
        for letter in &mut inbox.letters {
            letter.uid += 500;
        }
        inbox.uidnext += 500;
    };
    pair.at_source(renumber);
    pair.at_source(|state| drop(state.folders.get_mut("INBOX").unwrap().letters.remove(1)));
    let pass = pair.pass().await;
    assert_eq!(
        (pass.copied, pass.recognised, pass.removed),
        (0, 13, 1),
        "{pass:?}"
    );
    pair.assert_same("the source numbers anew");

    pair.at_target(renumber);
    let pass = pair.pass().await;
    assert_eq!((pass.copied, pass.removed), (0, 0), "{pass:?}");
    pair.assert_same("the target numbers anew");
    assert_eq!(pair.pass().await.changes(), 0);
}

/// Cut after every so many bytes of what a whole pass takes, on either side.
#[tokio::test]
async fn cut_off_at_any_byte_nothing_is_lost_and_nothing_doubled() {
    let cut = |target: &'static str, at_source: bool, after: usize| async move {
        let pair = Pair::new(RICH, target).await;
        let side = if at_source {
            &pair.source
        } else {
            &pair.target
        };
        side.state.lock().unwrap().bytes_left = Some(after);
        let first = pair.try_pass().await;
        side.state.lock().unwrap().bytes_left = None;
        if let Err(fault) = &first {
            assert!(fault.passes(), "{fault}");
        }
        // The next one begins later than that: nothing of the one that failed is still on its way.
        pair.source.idle().await;
        pair.target.idle().await;
        pair.pass().await;
        pair.assert_same(&format!("{target}, source {at_source}, cut after {after}"));
        first.is_err()
    };
    let mut cuts = Vec::new();
    for target in [RICH, POOR] {
        for at_source in [true, false] {
            // The texts take some 680,000 bytes; the talk before them some hundreds.
            let early = (0..1200).step_by(97);
            let points = early.chain((1200..700_000).step_by(13_331));
            cuts.extend(points.map(|after| cut(target, at_source, after)));
        }
    }
    let failed = join_all(cuts).await;
    let count = failed.iter().filter(|failed| **failed).count();
    assert!(count > failed.len() * 3 / 4, "{count} of {}", failed.len());
}
