//! Another mail server that delivers all the time, to each of the servers. A letter counts as sent after the 250, and is
//! never sent twice: one whose answer got lost may be there or not.
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use tokio_util::sync::CancellationToken;

use crate::clients::smtp;
use crate::hosting::Customer;
use crate::ledger::Sure;
use crate::letters::{Print, letter};

/// Longer than this, an answer is not waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Delivers to all mailboxes in turn until it is stopped.
pub async fn deliver(customer: Arc<Customer>, mut dice: StdRng, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let mailbox = &customer.mailboxes[dice.random_range(0..customer.mailboxes.len())];
        let n = customer.next_number();
        let bytes = letter(n, &mailbox.address, &mut dice);
        mailbox.ledger.sending(n, Print::of(&bytes));
        // Every server that knows the domain takes mail for it.
        let doors = &customer.stacks[dice.random_range(0..customer.stacks.len())].doors;
        // The client ends what it sends with an end of line of its own.
        let sent = bytes.strip_suffix(b"\r\n").unwrap_or(&bytes);
        let sent = smtp::deliver(doors, "post@example.org", &mailbox.address, sent);
        if let Ok(Ok(())) = tokio::time::timeout(PATIENCE, sent).await {
            mailbox.ledger.edit(n, |entry| entry.taken = Sure::Yes);
        }
        let pause = Duration::from_millis(dice.random_range(20..200));
        tokio::time::sleep(pause).await;
    }
}
