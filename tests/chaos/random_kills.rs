//! Processes are killed at random moments: the panel, its neighbours, its own database.
use crate::scene::{Kept, Scene};
use crate::stack::{Daemon, Stack};
use crate::trial::Trial;

async fn scene(kept: Kept, panels: u16) -> Scene {
    let trial = Trial::from_environment();
    let stack = Stack::up(&trial, 1);
    Scene::new(trial, kept, panels, vec![stack], |panel| panel).await
}

async fn two_servers(kept: Kept, panels: u16) -> Scene {
    let trial = Trial::from_environment();
    let stacks = Stack::two(&trial);
    Scene::new(trial, kept, panels, stacks, |panel| panel).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_whose_panel_is_killed_at_random_moments() {
    let scene = two_servers(Kept::Sqlite, 1).await.panels_die();
    scene.plays("random kills, moving, SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_shared_by_two_panels_that_are_both_killed() {
    let scene = two_servers(Kept::Postgres, 2).await.panels_die();
    let name = "two panels, both killed, moving, Postgres";
    scene.plays(name).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_shared_by_two_panels_that_stand_still_and_go_on() {
    let scene = two_servers(Kept::Postgres, 2).await.panels_freeze();
    let name = "two panels, both frozen and thawed, moving, Postgres";
    scene.plays(name).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_between_mail_servers_that_are_killed() {
    let scene = two_servers(Kept::Sqlite, 1).await;
    let scene = scene.daemons_die(Daemon::Dovecot).daemons_die(Daemon::Sogo);
    scene.plays("Dovecot and SOGo killed, moving").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_whose_directories_are_killed() {
    let scene = two_servers(Kept::Sqlite, 1).await;
    let scene = scene.daemons_die(Daemon::Directory);
    scene.plays("directory databases killed, moving").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up two mail stacks of its own: tests/chaos/run.sh"]
async fn moves_while_everything_is_killed_at_once() {
    let scene = two_servers(Kept::Postgres, 2).await;
    let scene = scene.panels_die().database_dies();
    let scene = scene.daemons_die(Daemon::Dovecot).daemons_die(Daemon::Sogo);
    let scene = scene.daemons_die(Daemon::Directory);
    let name = "everything killed at once, moving, two panels";
    scene.plays(name).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn short_a_panel_killed_at_random_moments_loses_nothing() {
    let scene = scene(Kept::Sqlite, 1).await;
    let scene = scene.panels_die();
    scene.plays("random kills, in place, SQLite").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn two_panels_that_share_the_work_and_are_both_killed() {
    let scene = scene(Kept::Postgres, 2).await;
    let scene = scene.panels_die();
    scene
        .plays("two panels, both killed, in place, Postgres")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_mail_server_killed() {
    let scene = scene(Kept::Sqlite, 1).await;
    let scene = scene.daemons_die(Daemon::Dovecot).daemons_die(Daemon::Sogo);
    scene.plays("Dovecot and SOGo killed, in place").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_directory_database_killed() {
    let scene = scene(Kept::Sqlite, 1).await;
    let scene = scene.daemons_die(Daemon::Directory);
    scene.plays("directory database killed, in place").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn the_panels_own_database_killed() {
    let scene = scene(Kept::Postgres, 1).await;
    let scene = scene.database_dies();
    scene.plays("the panel's Postgres killed, in place").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "brings up a mail stack of its own: tests/chaos/run.sh"]
async fn everything_killed_at_once() {
    let scene = scene(Kept::Postgres, 2).await;
    let scene = scene.panels_die().database_dies();
    let scene = scene.daemons_die(Daemon::Dovecot).daemons_die(Daemon::Sogo);
    let scene = scene.daemons_die(Daemon::Directory);
    scene
        .plays("everything killed at once, in place, two panels")
        .await;
}
