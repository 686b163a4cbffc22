//! The admin: converts mailboxes there and back without end, and looks at how each ends.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::hosting::{Customer, Mailbox, Way};
use crate::script::Script;

/// A batch that is not over after this, with everything running again, is stuck.
pub const STUCK_AFTER: Duration = Duration::from_mins(4);

/// What became of the conversions.
#[derive(Debug, Default)]
pub struct Tally {
    /// Began.
    pub begun: AtomicUsize,
    /// Done, to Exchange or to the second server.
    pub there: AtomicUsize,
    /// Done, to POP/IMAP or to the first server.
    pub back: AtomicUsize,
    /// Given up, and as they were.
    pub gave_up: AtomicUsize,
    /// Done, without a receipt that says nothing was lost.
    pub without_receipt: AtomicUsize,
    /// Neither after all this time.
    pub stuck: AtomicUsize,
}

/// Converts these mailboxes, again and again, until it is stopped or `rounds` have begun; the batch
/// under way is waited for.
pub async fn convert(
    (customer, script, tally): (Arc<Customer>, Arc<Script>, Arc<Tally>),
    mut which: Vec<usize>,
    rounds: usize,
    mut dice: StdRng,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() && tally.begun.load(Ordering::Relaxed) < rounds {
        which.shuffle(&mut dice);
        let some = &which[..dice.random_range(1..=which.len())];
        let whim = dice.random_range(0..4) == 0;
        let Some(wish) = of_one_kind(&customer, &script, some, whim).await else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            continue;
        };
        match begin(&customer, &script, &tally, &wish).await {
            Ok(batch) => follow(&customer, &script, &tally, &batch, wish.addresses.len()).await,
            Err(refusal) => {
                eprintln!("refused: {refusal}");
                let refused = wish.addresses.len();
                tally.gave_up.fetch_add(refused, Ordering::Relaxed);
            }
        }
        let pause = Duration::from_millis(dice.random_range(0..300));
        tokio::time::sleep(pause).await;
    }
}

/// Begins a batch; `Err` is how it was refused.
pub async fn begin(
    customer: &Customer,
    script: &Script,
    tally: &Tally,
    wish: &Wish,
) -> Result<Value, String> {
    let addresses = &wish.addresses;
    tally.begun.fetch_add(addresses.len(), Ordering::Relaxed);
    let path = format!("/tenants/{}/conversions", customer.tenant);
    let mut new = json!({"to": wish.to, "mailboxes": addresses});
    if let Some(server) = &wish.server {
        new["server"] = server.as_str().into();
    }
    script.try_post(&path, &new).await
}

/// What an admin wants of some mailboxes.
pub struct Wish {
    /// The kind they get.
    to: &'static str,
    /// The server they are to be on, where that is said.
    server: Option<String>,
    /// Which.
    pub addresses: Vec<String>,
}

/// Those of the same kind and on the same server as the first that is ready, and where they go.
/// With a whim, one that moves to the second server stays what it is.
pub async fn of_one_kind(
    customer: &Customer,
    script: &Script,
    some: &[usize],
    whim: bool,
) -> Option<Wish> {
    let mut found: Option<(String, usize)> = None;
    let mut addresses = vec![];
    for &n in some {
        let mailbox = &customer.mailboxes[n];
        let shown = customer.shown(script, mailbox).await;
        if shown["state"] != "ready" {
            continue;
        }
        let kind = shown["kind"].as_str().unwrap_or_default().to_owned();
        let is = (kind, customer.home(&shown));
        if *found.get_or_insert(is.clone()) == is {
            addresses.push(mailbox.address.clone());
        }
    }
    let (kind, home) = found?;
    let server = |n: usize| Some(customer.stacks[n].name.clone());
    let (to, server) = match (customer.way, kind.as_str(), home) {
        (Way::InPlace, "pop_imap", _) => ("exchange", None),
        (Way::InPlace, ..) => ("pop_imap", None),
        (Way::Moving, _, 0) if whim => ("pop_imap", server(1)),
        // The rule of placement finds the only server that can.
        (Way::Moving, _, 0) => ("exchange", None),
        (Way::Moving, ..) => ("pop_imap", server(0)),
    };
    Some(Wish {
        to,
        server,
        addresses,
    })
}

/// Waits until a batch of so many is over, and looks at how each ended.
pub async fn follow(
    customer: &Customer,
    script: &Script,
    tally: &Tally,
    batch: &Value,
    count: usize,
) {
    let id = batch["id"].as_str().expect("the id of a batch");
    let path = format!("/tenants/{}/conversions/{id}", customer.tenant);
    let begun = Instant::now();
    loop {
        let batch = script.get(&path).await.expect("the batch that was made");
        let over = batch["counts"]["queued"] == 0 && !batch["finished_at"].is_null();
        if over {
            let items = batch["items"].as_array().expect("its items");
            for item in items {
                judge(customer, script, tally, &path, item).await;
            }
            return;
        }
        if begun.elapsed() > STUCK_AFTER {
            eprintln!("stuck: {batch:#}");
            let over = batch["counts"]["done"].as_u64().unwrap_or_default();
            let over = usize::try_from(over).unwrap_or_default();
            tally.stuck.fetch_add(count - over, Ordering::Relaxed);
            return;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
}

async fn judge(customer: &Customer, script: &Script, tally: &Tally, batch: &str, item: &Value) {
    if item["state"] != "done" {
        eprintln!("given up: {} {}", item["address"], item["error"]);
        tally.gave_up.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let id = item["id"].as_str().unwrap_or_default();
    let receipt = script.get(&format!("{batch}/items/{id}/receipt")).await;
    let receipt = receipt.unwrap_or_default();
    let (way, there) = match customer.way {
        Way::InPlace => ("in_place", item["to"] == "exchange"),
        Way::Moving => (
            "move",
            receipt["moved"]["to_server"] == customer.stacks[1].name.as_str(),
        ),
    };
    if receipt["moved"]["keeps_numbers"] == false {
        let address = item["address"].as_str();
        let whose = |one: &&Mailbox| Some(one.address.as_str()) == address;
        if let Some(mailbox) = customer.mailboxes.iter().find(whose) {
            mailbox.numbers_lost.store(true, Ordering::Relaxed);
        }
    }
    let count = if there { &tally.there } else { &tally.back };
    count.fetch_add(1, Ordering::Relaxed);
    if receipt["identical"] != true || receipt["way"] != way {
        eprintln!("no receipt: {item} {receipt}");
        tally.without_receipt.fetch_add(1, Ordering::Relaxed);
    }
}
