//! The command line. Passwords and keys never stand in an argument, where every process of the
//! machine could read them: they are read from standard input, or made here and printed once.
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Parser, Subcommand, ValueEnum};
use pilothouse::authz;
use pilothouse::domain::Clock;
use pilothouse::store::{self, Db, Engine};
use secrecy::ExposeSecret;

use crate::settings::Settings;

mod make;
mod serve;

/// A multi-tenant control panel for hosted mailboxes.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The settings; pilothouse.toml is read when it is there and nothing is named.
    #[arg(long, global = true, env = "PILOTHOUSE_CONFIG")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the panel until it is told to stop.
    Serve {
        /// Write the number of the process here, and remove it at the end.
        #[arg(long)]
        pid_file: Option<PathBuf>,
    },
    /// Bring the tables up to date; `serve` does so too.
    Migrate,
    /// People who sign in to the panel.
    #[command(subcommand)]
    Member(MemberCommand),
    /// Keys for scripts.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Mail servers.
    #[command(subcommand)]
    MailServer(MailServerCommand),
    /// Resellers and customers.
    #[command(subcommand)]
    Tenant(TenantCommand),
}

/// `member …`
#[derive(Debug, Subcommand)]
pub enum MemberCommand {
    /// Make a member, or give the one of that address this role and a new password.
    Create(make::NewMember),
}

/// `api-key …`
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key and print it, this once.
    Create(make::NewKey),
}

/// `mail-server …`
#[derive(Debug, Subcommand)]
pub enum MailServerCommand {
    /// Make a mail server known, or change the one of that name.
    Add(make::NewServer),
}

/// `tenant …`
#[derive(Debug, Subcommand)]
pub enum TenantCommand {
    /// Make a reseller or a customer.
    Create(make::NewTenant),
}

/// Where something is made.
#[derive(Debug, Args)]
pub struct On {
    /// The tenant, by slug or id.
    #[arg(long)]
    tenant: String,
}

/// A role, as a word on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Role {
    /// Looks.
    Viewer,
    /// Resets and suspends.
    Support,
    /// Manages everything but who may manage.
    Admin,
    /// Everything.
    Owner,
}

impl From<Role> for authz::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Support => Self::Support,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}

/// Does it.
pub async fn run(command: Command, settings: Settings) -> anyhow::Result<()> {
    if let Command::Serve { pid_file } = command {
        return serve::serve(settings, pid_file).await;
    }
    let (_, engine) = open(&settings).await?;
    match command {
        Command::Serve { .. } | Command::Migrate => {}
        Command::Member(MemberCommand::Create(new)) => make::member(&engine, new).await?,
        Command::ApiKey(ApiKeyCommand::Create(new)) => make::api_key(&engine, new).await?,
        Command::Tenant(TenantCommand::Create(new)) => make::tenant(&engine, new).await?,
        Command::MailServer(MailServerCommand::Add(new)) => {
            make::mail_server(&engine, &settings, new).await?;
        }
    }
    Ok(engine.close().await?)
}

/// Opens the database, in a folder that is made if need be.
async fn open(settings: &Settings) -> anyhow::Result<(Db, Engine)> {
    let url = settings.database.url.expose_secret();
    let file = url
        .strip_prefix("sqlite://")
        .and_then(|rest| rest.split('?').next());
    if let Some(file) = file {
        private_file(std::path::Path::new(file))
            .with_context(|| format!("database.url: cannot make {file}"))?;
    }
    let options = store::Options {
        url: settings.database.url.clone(),
        connections: settings.database.connections,
        clock: Clock::System,
    };
    store::open(&options)
        .await
        .context("database.url: the database cannot be opened")
}

/// Makes the file and its folder if need be, for this account alone: it holds password hashes. The
/// files that `SQLite` puts beside it take its mode.
fn private_file(file: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut make = std::fs::OpenOptions::new();
    make.create(true).append(true).mode(0o600).open(file)?;
    Ok(())
}
