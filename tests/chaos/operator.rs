//! The admin: converts mailboxes there and back without end, and looks at how each ends.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::hosting::Customer;
use crate::script::Script;

/// A batch that is not over after this, with everything running again, is stuck.
pub const STUCK_AFTER: Duration = Duration::from_mins(4);

/// What became of the conversions.
#[derive(Debug, Default)]
pub struct Tally {
    /// Began.
    pub begun: AtomicUsize,
    /// Done, to Exchange.
    pub there: AtomicUsize,
    /// Done, to POP/IMAP.
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
        let Some((to, addresses)) = of_one_kind(&customer, &script, some).await else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            continue;
        };
        match begin(&customer, &script, &tally, to, &addresses).await {
            Ok(batch) => follow(&customer, &script, &tally, &batch, addresses.len()).await,
            Err(refusal) => {
                eprintln!("refused: {refusal}");
                tally.gave_up.fetch_add(addresses.len(), Ordering::Relaxed);
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
    to: &str,
    addresses: &[String],
) -> Result<Value, String> {
    tally.begun.fetch_add(addresses.len(), Ordering::Relaxed);
    let path = format!("/tenants/{}/conversions", customer.tenant);
    let new = json!({"to": to, "mailboxes": addresses});
    script.try_post(&path, &new).await
}

/// Those of the same kind as the first that is ready, and the kind they get.
pub async fn of_one_kind(
    customer: &Customer,
    script: &Script,
    some: &[usize],
) -> Option<(&'static str, Vec<String>)> {
    let mut found: Option<String> = None;
    let mut addresses = vec![];
    for &n in some {
        let mailbox = &customer.mailboxes[n];
        let shown = customer.shown(script, mailbox).await;
        let kind = shown["kind"].as_str().unwrap_or_default().to_owned();
        if shown["state"] == "ready" && *found.get_or_insert(kind.clone()) == kind {
            addresses.push(mailbox.address.clone());
        }
    }
    let to = if found? == "pop_imap" {
        "exchange"
    } else {
        "pop_imap"
    };
    (!addresses.is_empty()).then_some((to, addresses))
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
                judge(script, tally, &path, item).await;
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

async fn judge(script: &Script, tally: &Tally, batch: &str, item: &Value) {
    if item["state"] != "done" {
        eprintln!("given up: {} {}", item["address"], item["error"]);
        tally.gave_up.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let way = if item["to"] == "exchange" {
        &tally.there
    } else {
        &tally.back
    };
    way.fetch_add(1, Ordering::Relaxed);
    let id = item["id"].as_str().unwrap_or_default();
    let receipt = script.get(&format!("{batch}/items/{id}/receipt")).await;
    if receipt.is_none_or(|receipt| receipt["identical"] != true) {
        eprintln!("no receipt: {item}");
        tally.without_receipt.fetch_add(1, Ordering::Relaxed);
    }
}
