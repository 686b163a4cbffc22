//! The panel is killed at every boundary between two steps: inside the transaction that would save
//! the next one, and right after it was saved; and on the mail server, while a change is under way
//! there that will take effect after the panel has died.
use std::time::Duration;

use rand::RngExt as _;
use rand::seq::SliceRandom as _;

use crate::crossings::{At, Crossing, IN_PLACE, MOVING, OF_DIRECTORY, OF_PANEL};
use crate::database::{Database, Postgres};
use crate::gate::Gate;
use crate::hosting::{Customer, Way};
use crate::panel::Panel;
use crate::run::Run;
use crate::stack::Stack;
use crate::trial::Trial;

/// When the panel dies.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Inside the transaction.
    Before,
    /// Right after it.
    After,
}

/// In so many, one comes to the boundary.
const CONVERSIONS: usize = 5;

/// What a round needs.
struct Stage {
    panel: Panel,
    run: Run,
    /// Of the panel, and of each directory.
    gates: Vec<Gate>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn short_a_panel_killed_at_some_boundaries_carries_on() {
    killed_at_boundaries(Way::InPlace, 6, "short").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn a_panel_killed_at_every_boundary_carries_on() {
    killed_at_boundaries(Way::InPlace, usize::MAX, "all").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn short_moves_killed_at_some_boundaries_are_carried_on() {
    killed_at_boundaries(Way::Moving, 6, "short_moving").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_killed_at_every_boundary_are_carried_on() {
    killed_at_boundaries(Way::Moving, usize::MAX, "all_moving").await;
}

async fn killed_at_boundaries(way: Way, at_most: usize, name: &str) {
    let trial = Trial {
        rounds: 0,
        ..Trial::from_environment()
    };
    let (stacks, crossings) = match way {
        Way::InPlace => (vec![Stack::up(&trial, 1)], &IN_PLACE[..]),
        Way::Moving => (Stack::two(&trial), &MOVING[..]),
    };
    let database = Postgres::new(&trial, &format!("boundaries_{name}")).await;
    let database = Database::Postgres(database);
    let panel =
        Panel::new(&trial, 0, &database.url()).with("PILOTHOUSE_ENGINE__LEASE_SECONDS", "2");
    let (customer, script) = Customer::new(&panel, &stacks, 4).await;
    let run = Run::start(&trial, customer, script);

    let mut dice = trial.dice("boundaries");
    let mut gates = vec![Gate::new(&database.url(), &OF_PANEL).await];
    for stack in &stacks {
        gates.push(Gate::new(&stack.directory_url(), &OF_DIRECTORY).await);
    }
    let mut stage = Stage { panel, run, gates };
    let both = |crossing: &Crossing| {
        let crossing = *crossing;
        [Moment::Before, Moment::After].map(|moment| (crossing, moment))
    };
    let mut rounds: Vec<_> = crossings.iter().flat_map(both).collect();
    if at_most < rounds.len() {
        rounds.shuffle(&mut dice);
        rounds.truncate(at_most);
    }
    let mut conversions = 0;
    for (n, (crossing, moment)) in rounds.iter().enumerate() {
        let late = Duration::from_millis(dice.random_range(0..1500));
        let which = n % stage.run.customer.mailboxes.len();
        conversions += stage.die_at(which, *crossing, *moment, late).await;
    }
    for gate in stage.gates {
        gate.remove().await;
    }
    let struck = format!("{} kills at boundaries", rounds.len());
    let scenario = match way {
        Way::InPlace => "kill at every place, in place, Postgres",
        Way::Moving => "kill at every place, moving, Postgres",
    };
    let figures = stage.run.reckoned(scenario, struck).await;
    assert_eq!(figures.there + figures.back, conversions, "{figures}");
    assert_eq!(figures.gave_up, 0, "{figures}");
    figures.told(&trial.folder);
}

impl Stage {
    /// One conversion whose panel dies at that boundary; another carries on. Not every conversion
    /// comes to every boundary: a folder is noted again only where something changed meanwhile. One
    /// that is over without is followed by another. Says how many there were.
    async fn die_at(
        &mut self,
        which: usize,
        crossing: Crossing,
        moment: Moment,
        late: Duration,
    ) -> usize {
        for conversions in 1..=CONVERSIONS {
            if self.dies_at(which, crossing, moment, late).await {
                return conversions;
            }
        }
        let name = crossing.name;
        panic!("nobody came to the gate in {CONVERSIONS} conversions: {name}, {moment:?}");
    }

    async fn dies_at(
        &mut self,
        which: usize,
        crossing: Crossing,
        moment: Moment,
        late: Duration,
    ) -> bool {
        let customer = self.run.customer.clone();
        let mailbox = &customer.mailboxes[which];
        let home = customer.home(&customer.shown(&self.run.script, mailbox).await);
        let gate = match crossing.at {
            At::Panel => 0,
            At::Home => 1 + home,
            At::Target => 2 - home,
        };
        let gate = &mut self.gates[gate];
        gate.shut(&crossing.of(&mailbox.address)).await;
        let batch = self.run.convert(&[which]).await;
        let name = crossing.name;
        let what = format!("{name}, {moment:?}");
        let came = tokio::select! {
            () = gate.wait(&what) => true,
            () = self.run.follow(&batch, 1) => false,
        };
        if !came {
            gate.open().await;
            return false;
        }
        if matches!(moment, Moment::Before) {
            self.panel.kill();
            self.panel.start();
            // What it had sent to a server takes effect when the next one is at work already.
            tokio::time::sleep(late).await;
            gate.open().await;
        } else {
            gate.open().await;
            gate.wait_until_through().await;
            self.panel.kill();
            self.panel.start();
        }
        self.run.follow(&batch, 1).await;
        true
    }
}
