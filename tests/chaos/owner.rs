//! The owner of a mailbox at work over IMAP: sets flags, files letters, throws some away, and
//! writes down what the server confirmed. When the doors shut, they try again until they open.
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use tokio_util::sync::CancellationToken;

use crate::clients::imap::Imap;
use crate::hosting::{Customer, Mailbox, PASSWORD};
use crate::ledger::{Flags, Sure};
use crate::letters::{Print, delivery, letter, number};

/// Folders that are worked in.
pub const FOLDERS: [&str; 3] = ["INBOX", "Archive/2019", "Entw&APw-rfe S&APw-d"];

/// Flags and keywords that come and go.
const WORDS: [&str; 6] = [
    "\\Seen",
    "\\Flagged",
    "\\Answered",
    "$Label1",
    "$Forwarded",
    "Junk",
];

/// Longer than this, an answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Works until it is stopped; the longest time that nobody got in.
pub async fn work(
    customer: Arc<Customer>,
    which: usize,
    mut dice: StdRng,
    stop: CancellationToken,
) -> Duration {
    let mailbox = &customer.mailboxes[which];
    let mut out_since = Instant::now();
    let mut longest = Duration::ZERO;
    while !stop.is_cancelled() {
        let doors = customer.doors(mailbox);
        let login = Imap::login(&doors, &mailbox.address, PASSWORD);
        if let Ok(Ok(imap)) = tokio::time::timeout(PATIENCE, login).await {
            longest = longest.max(out_since.elapsed());
            // Ends when the session does.
            let _ = session(&customer, mailbox, imap, &mut dice, &stop).await;
            out_since = Instant::now();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    longest
}

async fn session(
    customer: &Customer,
    mailbox: &Mailbox,
    mut imap: Imap,
    dice: &mut StdRng,
    stop: &CancellationToken,
) -> Result<(), String> {
    while !stop.is_cancelled() {
        let folder = *FOLDERS.choose(dice).expect("a folder");
        let known = within(imap.read_heads(folder)).await?;
        let letters: Vec<(u32, u32)> = known
            .messages
            .iter()
            .filter_map(|(uid, head)| Some((*uid, number(head)?)))
            .collect();
        for (uid, n) in &letters {
            let place = (known.uidvalidity.unwrap_or_default(), *uid);
            mailbox.ledger.edit(*n, |entry| {
                entry.place.get_or_insert(place);
            });
        }
        for _ in 0..dice.random_range(1..15) {
            let some = letters.choose(dice).copied();
            match (some, dice.random_range(0..40)) {
                (_, 0) => file(customer, mailbox, &mut imap, folder, dice).await?,
                (Some(letter), 1) => {
                    let mark = known
                        .messages
                        .get(&letter.0)
                        .and_then(|head| delivery(head));
                    throw_away(mailbox, &mut imap, folder, letter, mark).await?;
                }
                (Some(letter), 2..10) => read(mailbox, &mut imap, folder, letter).await?,
                (Some(letter), _) => flag(mailbox, &mut imap, folder, letter, dice).await?,
                (None, _) => {}
            }
            let pause = Duration::from_millis(dice.random_range(5..100));
            tokio::time::sleep(pause).await;
        }
    }
    imap.logout().await;
    Ok(())
}

async fn flag(
    mailbox: &Mailbox,
    imap: &mut Imap,
    folder: &str,
    (uid, n): (u32, u32),
    dice: &mut StdRng,
) -> Result<(), String> {
    let some = WORDS.iter().filter(|_| dice.random_range(0..3) == 0);
    let flags: Flags = some.map(|word| (*word).to_owned()).collect();
    let words = flags.iter().cloned().collect::<Vec<_>>().join(" ");
    mailbox.ledger.flagging(n, &flags);
    within(imap.store(folder, uid, &format!("FLAGS ({words})"))).await?;
    // A letter that another device removed is answered with OK and nothing done; there is none.
    mailbox.ledger.flagged(n, &flags);
    Ok(())
}

async fn read(
    mailbox: &Mailbox,
    imap: &mut Imap,
    folder: &str,
    (uid, n): (u32, u32),
) -> Result<(), String> {
    let message = within(imap.message(folder, uid)).await?;
    let Some(message) = message else {
        return Ok(());
    };
    let whole = Print::of(&message).sha256;
    mailbox.ledger.edit(n, |entry| {
        entry.whole.get_or_insert(whole);
    });
    Ok(())
}

async fn throw_away(
    mailbox: &Mailbox,
    imap: &mut Imap,
    folder: &str,
    (uid, n): (u32, u32),
    mark: Option<String>,
) -> Result<(), String> {
    mailbox.ledger.edit(n, |entry| {
        entry.removed = entry.removed.max(Sure::Perhaps);
        entry.removed_delivery = mark;
    });
    within(imap.expunge(folder, uid)).await?;
    mailbox.ledger.edit(n, |entry| entry.removed = Sure::Yes);
    Ok(())
}

/// Puts a new letter into the folder.
async fn file(
    customer: &Customer,
    mailbox: &Mailbox,
    imap: &mut Imap,
    folder: &str,
    dice: &mut StdRng,
) -> Result<(), String> {
    let n = customer.next_number();
    let bytes = letter(n, &mailbox.address, dice);
    mailbox.ledger.sending(n, Print::of(&bytes));
    mailbox
        .ledger
        .flagged(n, &Flags::from(["\\Seen".to_owned()]));
    let date = Some("\"29-Feb-2004 23:59:59 -0930\"");
    within(imap.append(folder, Some("(\\Seen)"), date, &bytes)).await?;
    mailbox.ledger.edit(n, |entry| entry.taken = Sure::Yes);
    Ok(())
}

async fn within<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.map_err(|late| late.to_string())?
}
