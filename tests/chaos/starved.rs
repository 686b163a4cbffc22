//! Nothing is killed, but something runs out: room on the disk, the network, or the right time.
use std::sync::Arc;

use crate::clock::FalseClock;
use crate::disk::Disk;
use crate::fate::Rhythm;
use crate::network::{FOR_PANEL, Network, Wire};
use crate::panel::Panel;
use crate::scene::{Kept, Scene};
use crate::stack::Stack;
use crate::trial::Trial;

/// Long enough that the panel's patience is tried.
const SPELL: Rhythm = Rhythm {
    lives: 3_000..9_000,
    stays_down: 500..12_000,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_disk_of_the_mail_server_full() {
    let trial = Trial::from_environment();
    let stack = Stack::up(&trial, 1);
    let disk = Arc::new(Disk::over(&stack));
    let scene = Scene::new(trial, Kept::Sqlite, 1, vec![stack], |panel| panel).await;
    let scene = scene.struck_by(disk.clone(), &SPELL);
    scene.plays("disk of the mail server full, in place").await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_to_a_server_whose_disk_is_full() {
    let trial = Trial::from_environment();
    let stacks = Stack::two(&trial);
    let disk = Arc::new(Disk::over(&stacks[1]));
    let scene = Scene::new(trial, Kept::Sqlite, 1, stacks, |panel| panel).await;
    let scene = scene.struck_by(disk.clone(), &SPELL);
    scene.plays("disk of one server full, moving").await;
    drop(disk);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_network_cut() {
    let trial = Trial::from_environment();
    let _network = Network::up(&trial);
    let stack = Stack::up_far_away(&trial, 2);
    let scene = Scene::new(trial, Kept::Sqlite, 1, vec![stack.clone()], from_afar).await;
    let scene = scene.struck_by(Arc::new(Wire::Cut), &SPELL);
    let scene = scene.struck_by(Arc::new(Wire::Lossy), &SPELL);
    scene.plays("network cut and lossy, in place").await;
    stack.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_over_a_network_that_is_cut() {
    let trial = Trial::from_environment();
    let _network = Network::up(&trial);
    let stacks = Stack::two_far_away(&trial).await;
    let scene = Scene::new(trial, Kept::Sqlite, 1, stacks.clone(), from_afar).await;
    let scene = scene.struck_by(Arc::new(Wire::Cut), &SPELL);
    let scene = scene.struck_by(Arc::new(Wire::CutToOne(1)), &SPELL);
    let scene = scene.struck_by(Arc::new(Wire::CutToOne(2)), &SPELL);
    let scene = scene.struck_by(Arc::new(Wire::Lossy), &SPELL);
    scene.plays("network cut and lossy, moving").await;
    stacks.iter().for_each(Stack::stop);
}

fn from_afar(panel: Panel) -> Panel {
    panel.with("PILOTHOUSE_MAIL_SERVERS__ALLOWED_HOSTS", FOR_PANEL)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_while_the_clock_jumps() {
    let trial = Trial::from_environment();
    let stacks = Stack::two(&trial);
    let clock = Arc::new(FalseClock::new(&trial.folder));
    let prepared = |panel| clock.of(panel);
    let scene = Scene::new(trial, Kept::Postgres, 1, stacks, prepared).await;
    let scene = scene.struck_by(clock.clone(), &SPELL).panels_die();
    scene.plays("clock jumps and kills, moving, Postgres").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_clock_jumps() {
    let trial = Trial::from_environment();
    let stack = Stack::up(&trial, 1);
    let clock = Arc::new(FalseClock::new(&trial.folder));
    let prepared = |panel| clock.of(panel);
    let scene = Scene::new(trial, Kept::Postgres, 1, vec![stack], prepared).await;
    let scene = scene.struck_by(clock.clone(), &SPELL).panels_die();
    scene
        .plays("clock jumps and kills, in place, Postgres")
        .await;
}
