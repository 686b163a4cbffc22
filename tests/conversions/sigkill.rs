//! The program itself, killed by SIGKILL at each place of a conversion on the real mail stack, and
//! started again.
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pilothouse::backends;
use pilothouse::domain::{Kind, MailboxState, Place};
use pilothouse::store::engine::servers::{Registration, register};

use crate::awkward;
use crate::real::{Owner, Real, nothing_is_lost, stack_info};
use crate::stage::{PATIENCE, Stage, key};
use crate::theatre::{item, start};

/// A running panel, killed when dropped.
pub struct Panel(Child);

impl Panel {
    fn start(stage: &Stage) -> Self {
        Self::start_with(stage, &[])
    }

    /// With these settings besides.
    pub fn start_with(stage: &Stage, settings: &[(&str, &str)]) -> Self {
        let panel = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .arg("serve")
            .env("PILOTHOUSE_DATABASE__URL", stage.world.database.url())
            .env("PILOTHOUSE_SECRETS__KEY", BASE64_STANDARD.encode([7; 32]))
            .env("PILOTHOUSE_LISTEN", "127.0.0.1:0")
            .env("PILOTHOUSE_ENGINE__TICK_SECONDS", "1")
            // On Postgres nobody else may take what it held before its lease has run out.
            .env("PILOTHOUSE_ENGINE__LEASE_SECONDS", "5")
            .env("PILOTHOUSE_LOG__FILTER", "warn")
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn();
        Self(panel.unwrap())
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Registers the real server in the place of the one in memory.
pub async fn registered(stage: &Stage) {
    let (settings, secrets) =
        backends::dovecot_sogo::split_stack_info(stack_info().unwrap()).unwrap();
    let server = backends::adapter("dovecot_sogo", settings.clone(), secrets.clone()).unwrap();
    stage.sql("DELETE FROM mail_servers").await;
    let new = Registration {
        name: "mail-1".to_owned(),
        adapter: "dovecot_sogo".to_owned(),
        settings,
        secrets: secrets.to_string().into(),
        offers: server.offers(),
        listeners: server.listeners(),
    };
    register(&stage.world.engine, &key(), new).await.unwrap();
}

#[tokio::test]
async fn the_program_killed_at_each_place_finishes_after_the_next_start() {
    let Some(real) = Real::new().await else {
        return;
    };
    registered(&real.stage).await;
    let mut died_at = vec![];
    let of_moves = [Place::Prepare, Place::Copy, Place::Inspect];
    for place in Place::ALL[..11]
        .iter()
        .filter(|place| !of_moves.contains(place))
    {
        let mut panel = Panel::start(&real.stage);
        let local = format!("k{}", pilothouse::domain::MailboxId::new().0.simple());
        let mailbox = real.stage.ready(&local, Kind::PopImap).await;
        let address = mailbox.address.as_str().to_owned();
        let owner = Owner { local, address };
        awkward::fill(&mut real.imap(&owner).await.unwrap(), 40).await;
        let before = real.everything(&owner).await;
        let started = start(&real.stage, &[&owner.local], Kind::Exchange).await;
        while (item(&real.stage, &started).await.place as u8) < *place as u8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panel.kill();
        died_at.push(item(&real.stage, &started).await.place);
        let begun = Instant::now();
        let _next = Panel::start(&real.stage);
        while !item(&real.stage, &started).await.state.is_over() {
            let waits = item(&real.stage, &started).await;
            assert!(
                begun.elapsed() < PATIENCE,
                "killed at {died_at:?}: {waits:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        real.receipt(&started).await;
        assert_eq!(nothing_is_lost(&before, &real.everything(&owner).await), 0);
        real.stage
            .until_state(&owner.local, MailboxState::Ready)
            .await;
    }
    let names: Vec<_> = died_at.iter().map(|place| place.as_str()).collect();
    eprintln!("killed at {names:?}");
    died_at.dedup();
    assert!(
        died_at.len() >= 5,
        "it was always at the same place: {names:?}"
    );
}
