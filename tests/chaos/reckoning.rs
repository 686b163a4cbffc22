//! The end: everything is read by the owner's own clients, and held against what was promised.
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients::activesync::Phone;
use crate::clients::imap::{Imap, Whole};
use crate::clients::pop3::Pop3;
use crate::figures::Figures;
use crate::hosting::{Customer, Mailbox, PASSWORD};
use crate::ledger::{Entry, Flags, Sure};
use crate::letters::{Print, delivery, number};
use crate::script::Script;
use crate::stack::Stack;

/// How long mailboxes may take to be ready, and letters to arrive, after the last blow: Dovecot takes the lock of a
/// process that was killed for stale after two minutes only, and mail for that folder waits.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

/// Every message of a mailbox with a number, by that number; and how many have none.
type Found = (BTreeMap<u32, Vec<Whole>>, usize);

/// Waits until all is settled, and counts.
pub async fn reckon(customer: &Customer, script: &Script, figures: &mut Figures) {
    let begun = Instant::now();
    for mailbox in &customer.mailboxes {
        let mut shown = customer.shown(script, mailbox).await;
        while !is_settled(&shown) && begun.elapsed() < SETTLED_WITHIN {
            tokio::time::sleep(Duration::from_millis(200)).await;
            shown = customer.shown(script, mailbox).await;
        }
        if !is_settled(&shown) {
            eprintln!("not ready: {shown:#}");
            figures.faults.not_ready += 1;
        }
        // A server that was struck last may still say that it cannot at the moment.
        let mut wrong = doors_wrong(customer, mailbox, &shown).await;
        while wrong > 0 && begun.elapsed() < SETTLED_WITHIN {
            tokio::time::sleep(Duration::from_secs(2)).await;
            wrong = doors_wrong(customer, mailbox, &shown).await;
        }
        figures.faults.doors_wrong += wrong;
    }
    let begun = Instant::now();
    for mailbox in &customer.mailboxes {
        let entries = mailbox.ledger.entries();
        let (found, strange) = everything(customer, mailbox, &entries, begun).await;
        figures.faults.strange += strange;
        figures.faults.strange += found.keys().filter(|n| !entries.contains_key(n)).count();
        for (n, entry) in &entries {
            let copies = found.get(n).map_or(&[][..], Vec::as_slice);
            let before = figures.faults;
            compare(mailbox, entry, copies, figures);
            if figures.faults != before {
                tell(mailbox, *n, entry, copies);
            }
        }
    }
}

fn is_settled(shown: &Value) -> bool {
    shown["state"] == "ready"
        && shown["asked_generation"] == shown["seen_generation"]
        && shown["drift"].as_array().is_some_and(Vec::is_empty)
}

/// How many protocols are not as the mailbox's kind wants them, at any of the servers: whoever does
/// not have the mailbox passes clients on.
async fn doors_wrong(customer: &Customer, mailbox: &Mailbox, shown: &Value) -> usize {
    let address = mailbox.address.as_str();
    let exchange = shown["kind"] == "exchange";
    let home = customer.home(shown);
    let mut wrong = 0;
    for (n, stack) in customer.stacks.iter().enumerate() {
        let doors = &stack.doors;
        let imap = Imap::login(doors, address, PASSWORD).await.err();
        let pop3 = Pop3::login(doors, address, PASSWORD).await.err();
        let mut judged = vec![
            ("IMAP", imap.is_some(), format!("{imap:?}")),
            ("POP3", pop3.is_some() != exchange, format!("{pop3:?}")),
        ];
        if n == home {
            let phone = Phone::new(doors, address, PASSWORD, "CHAOS1");
            let phone = phone.options().await;
            let closed = (phone == Ok(200)) != exchange;
            judged.push(("ActiveSync", closed, format!("{phone:?}")));
        }
        for (door, _, said) in judged.iter().filter(|(_, wrong, _)| *wrong) {
            let (kind, name) = (&shown["kind"], &stack.name);
            eprintln!("door wrong: {address} is {kind}, {door} at {name} says {said}");
            wrong += 1;
        }
    }
    wrong
}

/// Reads all folders; again until everything that was taken over has arrived, for a while: what
/// the mail server holds in its queue is on its way.
async fn everything(
    customer: &Customer,
    mailbox: &Mailbox,
    entries: &BTreeMap<u32, Entry>,
    begun: Instant,
) -> Found {
    loop {
        let read = read(customer, mailbox).await;
        let late = begun.elapsed() > SETTLED_WITHIN;
        match read {
            Ok(found) => {
                let lacking = entries.iter().any(|(n, entry)| {
                    entry.taken == Sure::Yes
                        && entry.removed == Sure::No
                        && !found.0.contains_key(n)
                });
                if !lacking || late {
                    return found;
                }
                customer.stacks.iter().for_each(Stack::flush_queue);
            }
            Err(fault) if late => panic!("{} cannot be read: {fault}", mailbox.address),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn read(customer: &Customer, mailbox: &Mailbox) -> Result<Found, String> {
    let doors = customer.doors(mailbox);
    let mut imap = Imap::login(&doors, &mailbox.address, PASSWORD).await?;
    let mut found: BTreeMap<u32, Vec<Whole>> = BTreeMap::new();
    let mut strange = 0;
    for folder in imap.folders().await? {
        for whole in imap.read_whole(&folder).await? {
            match number(&whole.bytes) {
                Some(n) => found.entry(n).or_default().push(whole),
                None => strange += 1,
            }
        }
    }
    imap.logout().await;
    Ok((found, strange))
}

/// Holds the copies of one letter against what was promised of it.
fn compare(mailbox: &Mailbox, entry: &Entry, copies: &[Whole], figures: &mut Figures) {
    let faults = &mut figures.faults;
    match entry.taken {
        Sure::Yes => figures.taken += 1,
        Sure::Perhaps | Sure::No => figures.perhaps += 1,
    }
    figures.flagged += usize::from(entry.confirmed);
    figures.removed += usize::from(entry.removed == Sure::Yes);
    match (entry.taken, entry.removed, copies.len()) {
        (Sure::Yes, Sure::No, 0) => faults.lost += 1,
        // The mail server had delivered it twice itself, and its owner removed one of the two.
        (_, Sure::Yes, 1..) if other_deliveries(entry, copies) => figures.delivered_twice += 1,
        (_, Sure::Yes, 1..) => faults.came_back += 1,
        (_, _, 2..) if apart(copies) => figures.delivered_twice += 1,
        (_, _, 2..) => faults.doubled += 1,
        _ => {}
    }
    let whole = |copy: &Whole| entry.whole == Some(Print::of(&copy.bytes).sha256);
    let altered = copies.iter().any(|copy| !entry.print.is_of(&copy.bytes))
        || entry.whole.is_some() && !copies.is_empty() && !copies.iter().any(whole);
    faults.altered += usize::from(altered);
    if let [copy] = copies
        && entry.removed == Sure::No
    {
        let flags: Flags = copy.flags.iter().cloned().collect();
        faults.flags_lost += usize::from(!entry.flags.contains(&flags));
        let renumbered = entry.place.is_some_and(|place| place != copy.place);
        if mailbox.numbers_lost.load(Ordering::Relaxed) {
            figures.said_renumbered += usize::from(renumbered);
        } else {
            faults.renumbered += usize::from(renumbered);
        }
    }
}

/// Whether the mail server delivered each of these apart from the one that was removed.
fn other_deliveries(entry: &Entry, copies: &[Whole]) -> bool {
    let Some(removed) = &entry.removed_delivery else {
        return false;
    };
    let mut marks = copies.iter().map(|copy| delivery(&copy.bytes));
    marks.all(|mark| mark.is_some_and(|mark| mark != *removed))
}

/// Whether the mail server delivered each of these by itself.
fn apart(copies: &[Whole]) -> bool {
    let mut marks: Vec<_> = copies.iter().map(|copy| delivery(&copy.bytes)).collect();
    marks.sort();
    marks.dedup();
    marks.len() == copies.len() && marks.iter().all(Option::is_some)
}

fn tell(mailbox: &Mailbox, n: u32, entry: &Entry, copies: &[Whole]) {
    let there = copies
        .iter()
        .map(|copy| (copy.place, &copy.flags, copy.bytes.len()));
    let there: Vec<_> = there.collect();
    eprintln!(
        "letter {n} of {}: taken {:?}, removed {:?}, flags {:?}, place {:?}; found {there:?}",
        mailbox.address, entry.taken, entry.removed, entry.flags, entry.place
    );
}
