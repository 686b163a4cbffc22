//! The panel is killed at every boundary between two steps: inside the transaction that would save
//! the next one, and right after it was saved; and on the mail server, while a change is under way
//! there that will take effect after the panel has died.
use std::time::Duration;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use crate::database::{Database, Postgres};
use crate::gate::Gate;
use crate::hosting::Customer;
use crate::panel::Panel;
use crate::run::Run;
use crate::stack::Stack;
use crate::trial::Trial;

/// A boundary: what it is called, its table, and the update that crosses it (`$1` before, `$2`
/// after).
type Boundary = (&'static str, &'static str, &'static str);

const ITEMS: &str = "conversion_items";
const MAILBOXES: &str = "mailboxes";
const ACCOUNTS: &str = "accounts";

/// In the panel's database, in the order of a conversion in place.
const SAVED: [Boundary; 13] = [
    (
        "claimed",
        ITEMS,
        "$1->>'state' = 'queued' AND $2->>'state' = 'checking'",
    ),
    (
        "held",
        MAILBOXES,
        "$1->>'converting_item' IS NULL AND $2->>'converting_item' IS NOT NULL",
    ),
    (
        "checked",
        ITEMS,
        "$1->>'place' = 'check' AND $2->>'place' <> 'check'",
    ),
    (
        "surveyed",
        ITEMS,
        "$1->>'place' = 'survey' AND $2->>'place' <> 'survey'",
    ),
    (
        "shutting",
        MAILBOXES,
        "$1->>'doors_shut' = 'false' AND $2->>'doors_shut' = 'true'",
    ),
    (
        "shut",
        ITEMS,
        "$1->>'place' = 'shut' AND $2->>'place' <> 'shut'",
    ),
    (
        "marked",
        ITEMS,
        "$1->>'place' = 'mark' AND $2->>'place' <> 'mark'",
    ),
    ("switching", MAILBOXES, "$1->>'kind' <> $2->>'kind'"),
    (
        "switched",
        ITEMS,
        "$1->>'place' = 'switch' AND $2->>'place' <> 'switch'",
    ),
    (
        "compared",
        ITEMS,
        "$1->>'place' = 'compare' AND $2->>'place' <> 'compare'",
    ),
    (
        "opening",
        MAILBOXES,
        "$1->>'doors_shut' = 'true' AND $2->>'doors_shut' = 'false'",
    ),
    (
        "opened",
        ITEMS,
        "$1->>'place' = 'open' AND $2->>'place' <> 'open'",
    ),
    (
        "settled",
        ITEMS,
        "$1->>'state' <> 'done' AND $2->>'state' = 'done'",
    ),
];

/// In the directory that the mail servers read.
const EFFECTS: [Boundary; 2] = [
    (
        "doors shut on the server",
        ACCOUNTS,
        "$1->>'imap' = 'true' AND $2->>'imap' = 'false'",
    ),
    (
        "doors open on the server",
        ACCOUNTS,
        "$1->>'imap' = 'false' AND $2->>'imap' = 'true'",
    ),
];

/// When the panel dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Inside the transaction.
    Before,
    /// Right after it.
    After,
}

/// What a round needs.
struct Stage<'a> {
    panel: &'a Panel,
    run: &'a Run,
    gate: &'a mut Gate,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn short_a_panel_killed_at_some_boundaries_carries_on() {
    killed_at_boundaries(6, "short").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn a_panel_killed_at_every_boundary_carries_on() {
    killed_at_boundaries(usize::MAX, "all").await;
}

async fn killed_at_boundaries(at_most: usize, name: &str) {
    let trial = Trial {
        rounds: 0,
        ..Trial::from_environment()
    };
    let stack = Stack::up(&trial, 1);
    let database = Postgres::new(&trial, &format!("boundaries_{name}")).await;
    let directory = stack.directory_url();
    let database = Database::Postgres(database);
    let panel =
        Panel::new(&trial, 0, &database.url()).with("PILOTHOUSE_ENGINE__LEASE_SECONDS", "2");
    let (customer, script) = Customer::new(&panel, &[stack], 4).await;
    let run = Run::start(&trial, customer, script);

    let mut dice = trial.dice("boundaries");
    let mut gates = [
        Gate::new(&database.url(), &[ITEMS, MAILBOXES]).await,
        Gate::new(&directory, &[ACCOUNTS]).await,
    ];
    let mut rounds: Vec<(usize, Boundary, Moment)> = vec![];
    for (gate, boundaries) in [&SAVED[..], &EFFECTS[..]].into_iter().enumerate() {
        for boundary in boundaries {
            rounds.push((gate, *boundary, Moment::Before));
            rounds.push((gate, *boundary, Moment::After));
        }
    }
    if at_most < rounds.len() {
        rounds.shuffle(&mut dice);
        rounds.truncate(at_most);
    }
    for (n, (gate, boundary, moment)) in rounds.iter().enumerate() {
        let mut stage = Stage {
            panel: &panel,
            run: &run,
            gate: &mut gates[*gate],
        };
        let late = Duration::from_millis(dice.random_range(0..1500));
        stage
            .die_at(n % run.customer.mailboxes.len(), *boundary, *moment, late)
            .await;
    }
    for gate in gates {
        gate.remove().await;
    }
    let struck = format!("{} kills at boundaries", rounds.len());
    let figures = run
        .reckoned("kill at every place, in place, Postgres", struck)
        .await;
    assert_eq!(figures.there + figures.back, rounds.len(), "{figures}");
    assert_eq!(figures.gave_up, 0, "{figures}");
    figures.told(&trial.folder);
}

impl Stage<'_> {
    /// One conversion whose panel dies at that boundary; another carries on.
    async fn die_at(
        &mut self,
        which: usize,
        (name, table, condition): Boundary,
        moment: Moment,
        late: Duration,
    ) {
        let customer = &self.run.customer;
        let address = &customer.mailboxes[which].address;
        let crossed = format!("$3 = '{table}' AND $2->>'address' = '{address}' AND {condition}");
        self.gate.shut(&crossed).await;
        let batch = self.run.convert(&[which]).await;
        self.gate.wait(&format!("{name}, {moment:?}")).await;
        if matches!(moment, Moment::Before) {
            self.panel.kill();
            self.panel.start();
            // What it had sent to a server takes effect when the next one is at work already.
            tokio::time::sleep(late).await;
            self.gate.open().await;
        } else {
            self.gate.open().await;
            self.gate.wait_until_through().await;
            self.panel.kill();
            self.panel.start();
        }
        self.run.follow(&batch, 1).await;
    }
}
