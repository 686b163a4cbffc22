//! The panel itself: site and engine side by side, until SIGTERM or SIGINT.
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use pilothouse::engine::dns::Dns;
use pilothouse::engine::servers::Servers;
use pilothouse::engine::{self, bounces, domains, imports, messages, retention};
use pilothouse::store::engine::conversions;
use pilothouse::web::site;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// Runs until told to stop; requests and steps under way are finished.
pub async fn serve(settings: Settings, pid_file: Option<PathBuf>) -> anyhow::Result<()> {
    let stopping = CancellationToken::new();
    stop_on_signal(stopping.clone())?;
    let key = settings.secrets.sealing_key()?;
    let dns = Dns::new(settings.dns.server).context("dns.server")?;
    let (db, store) = super::open(&settings).await?;
    // What the last run was at when it was killed goes on at once.
    conversions::forget_leases(&store).await?;
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("listen: cannot listen on {}", settings.listen))?;
    let _pid_file = pid_file.map(PidFile::write).transpose()?;

    store.hold_key(key.clone());
    let outside = Arc::new(settings.imports.rules()?);
    let context = engine::Context {
        store: store.clone(),
        servers: Servers::sealed_with(key),
        owner: format!("panel-{}", std::process::id()),
        pace: settings.pace,
    };
    let sending = messages::Sending {
        post: settings.post,
        panel: settings.public_url.clone(),
    };
    let outbox = tokio::spawn(messages::run(
        context.clone(),
        sending.clone(),
        stopping.clone(),
    ));
    let kept = tokio::spawn(retention::run(context.clone(), sending, stopping.clone()));
    let returned = tokio::spawn(bounces::run(
        context.clone(),
        settings.bounces,
        stopping.clone(),
    ));
    let looks = tokio::spawn(domains::run(context.clone(), dns, stopping.clone()));
    let brought = tokio::spawn(imports::run(context.clone(), outside, stopping.clone()));
    let engine = tokio::spawn(engine::run(context, stopping.clone()));
    let running = engine.abort_handle();
    let options = site::Options {
        public_url: settings.public_url,
        trusted_proxies: settings.trusted_proxies,
        workers: settings.workers,
        alive: Some(Arc::new(move || !running.is_finished())),
    };
    tracing::info!(listen = %settings.listen, url = %options.public_url, "the panel is up");
    let served = site::run(options, listener, db, stopping.clone()).await;

    stopping.cancel();
    engine.await.context("the engine broke")?;
    for part in [looks, outbox, returned, kept, brought] {
        part.await.context("the engine broke")?;
    }
    store.close().await?;
    tracing::info!("the panel has stopped");
    served
}

fn stop_on_signal(stopping: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopping.cancel();
    });
    Ok(())
}

/// A file with the number of this process, removed when the process ends in order.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: PathBuf) -> anyhow::Result<Self> {
        std::fs::write(&path, std::process::id().to_string())
            .with_context(|| format!("--pid-file: cannot write {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, "the pid file stays behind");
        }
    }
}
