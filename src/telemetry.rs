//! Logs: one line for each event on standard error, as text or JSON. The web room opens a span for
//! each request with its id, which every line within it carries.
use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// Starts logging; once in a process.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)
        .context("log.filter: write levels as in “info” or “info,pilothouse::engine=debug”")?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
