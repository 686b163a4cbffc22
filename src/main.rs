//! The program: reads the command line and the settings, and hands on.
use std::process::ExitCode;

use clap::Parser;

mod cli;
mod settings;
mod telemetry;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pilothouse: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    // Everything that speaks TLS uses this one; without it the HTTP client panics.
    let provider = rustls::crypto::ring::default_provider().install_default();
    provider.map_err(|_| anyhow::anyhow!("a TLS provider was chosen before"))?;
    let cli = cli::Cli::parse();
    let settings = settings::Settings::read(cli.config.as_deref(), std::env::vars())?;
    telemetry::start(&settings.log)?;
    cli::run(cli.command, settings).await
}
