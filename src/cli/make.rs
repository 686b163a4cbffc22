//! What the command line makes: tenants, members, keys, mail servers.
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use anyhow::Context;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use clap::{Args, ValueEnum};
use pilothouse::app::{api_keys, members, password, tenants};
use pilothouse::authz::{CreateTenants, ManageApiKeys, Scope};
use pilothouse::backends;
use pilothouse::domain::user::{Password, display_name};
use pilothouse::domain::{EmailAddress, Slug, TenantKind};
use pilothouse::store::engine::servers::{self, Registration};
use pilothouse::store::{Engine, TenantRef};
use secrecy::ExposeSecret;

use super::{On, Role};
use crate::settings::Settings;

/// What did it, in the audit log.
const PART: &str = "command line";

/// `member create`
#[derive(Debug, Args)]
pub struct NewMember {
    #[command(flatten)]
    on: On,
    /// The role on the tenant and all below.
    #[arg(long)]
    role: Role,
    /// What the member signs in with.
    #[arg(long)]
    email: String,
    /// The member's name.
    #[arg(long)]
    name: String,
    /// Read the password from standard input; without this, one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

/// Makes a member.
pub async fn member(engine: &Engine, new: NewMember) -> anyhow::Result<()> {
    let given = new.password_stdin.then(read_line).transpose()?;
    let made = given.is_none();
    let typed = given.unwrap_or_else(|| {
        let bytes: [u8; 15] = rand::random();
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    });
    let hash = password::hash(Password::parse("password", typed.clone().into())?).await?;
    let email = EmailAddress::parse("email", &new.email)?;
    let member = members::NewMember {
        email: email.clone(),
        display_name: display_name("name", &new.name)?,
        password_hash: hash,
        role: new.role.into(),
    };
    members::put(engine, &TenantRef::from(new.on.tenant.as_str()), member).await?;
    println!("{email} can sign in.");
    if made {
        println!("Password, shown this once: {typed}");
    }
    Ok(())
}

fn read_line() -> anyhow::Result<String> {
    if std::io::stdin().is_terminal() {
        eprintln!("Password (shown as you type):");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// `api-key create`
#[derive(Debug, Args)]
pub struct NewKey {
    #[command(flatten)]
    on: On,
    /// The role on the tenant and all below.
    #[arg(long)]
    role: Role,
    /// What it is for.
    #[arg(long)]
    label: String,
    /// Limit it, such as mailboxes:write; may be repeated.
    #[arg(long = "scope")]
    scopes: Vec<String>,
}

/// Makes a key.
pub async fn api_key(engine: &Engine, new: NewKey) -> anyhow::Result<()> {
    let scope = |word: &String| {
        Scope::parse(word)
            .with_context(|| format!("--scope: there is no “{word}”. Write one as mailboxes:read."))
    };
    let key = api_keys::NewApiKey {
        label: new.label,
        role: new.role.into(),
        scopes: new.scopes.iter().map(scope).collect::<Result<_, _>>()?,
        networks: vec![],
        expires_at: None,
    };
    let tenant = TenantRef::from(new.on.tenant.as_str());
    let cx = engine.authorize::<ManageApiKeys>(PART, &tenant).await?;
    let (_, secret) = api_keys::create(cx.begin().await?, key).await?;
    println!("Key, shown this once: {}", secret.expose_secret());
    Ok(())
}

/// A kind of tenant, as a word on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Sells to resellers and customers below it.
    Reseller,
    /// Owns domains, users and mailboxes.
    Customer,
}

/// `tenant create`
#[derive(Debug, Args)]
pub struct NewTenant {
    /// The tenant above, by slug or id.
    #[arg(long, default_value = pilothouse::store::PLATFORM)]
    parent: String,
    /// What it is.
    #[arg(long)]
    kind: Kind,
    /// Its name in URLs.
    #[arg(long)]
    slug: String,
    /// Its name on screens.
    #[arg(long)]
    name: String,
}

/// Makes a tenant.
pub async fn tenant(engine: &Engine, new: NewTenant) -> anyhow::Result<()> {
    let tenant = tenants::NewTenant {
        kind: match new.kind {
            Kind::Reseller => TenantKind::Reseller,
            Kind::Customer => TenantKind::Customer,
        },
        slug: Slug::parse("slug", &new.slug)?,
        name: display_name("name", &new.name)?,
    };
    let parent = TenantRef::from(new.parent.as_str());
    let cx = engine.authorize::<CreateTenants>(PART, &parent).await?;
    let made = tenants::create(cx.begin().await?, tenant).await?;
    println!("{} is there.", made.tenant.slug);
    Ok(())
}

/// `mail-server add`
#[derive(Debug, Args)]
pub struct NewServer {
    /// Its name in the panel.
    #[arg(long)]
    name: String,
    /// What drives it.
    #[arg(long, default_value = "dovecot_sogo")]
    adapter: String,
    /// A file with what `mailstack/stack.sh info` prints; `-` for standard input.
    #[arg(long)]
    info: PathBuf,
}

/// Makes a mail server known. It need not be up.
pub async fn mail_server(
    engine: &Engine,
    settings: &Settings,
    new: NewServer,
) -> anyhow::Result<()> {
    let text = if new.info.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(&new.info)
            .with_context(|| format!("--info: cannot read {}", new.info.display()))?
    };
    let info = serde_json::from_str(&text).context("--info: this is not JSON")?;
    let (mut described, secrets) = backends::dovecot_sogo::split_stack_info(info)?;
    let allowed = &settings.mail_servers.allowed_hosts;
    if !allowed.is_empty() {
        described["admin_hosts"] = serde_json::json!(allowed);
    }
    let server = backends::adapter(&new.adapter, described.clone(), secrets.clone())?;
    let registration = Registration {
        name: new.name.clone(),
        adapter: new.adapter,
        settings: described,
        secrets: secrets.to_string().into(),
        offers: server.offers(),
        listeners: server.listeners(),
    };
    let key = settings.secrets.sealing_key()?;
    servers::register(engine, &key, registration).await?;
    println!("{} is known.", new.name);
    Ok(())
}
