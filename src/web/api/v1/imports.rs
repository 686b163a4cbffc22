//! `/mailbox-imports`: mail that is brought in from servers elsewhere.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::One;
use crate::app::imports::{self, ImportFilter, NewImports};
use crate::authz::{ImportMail, ViewImports};
use crate::domain::import::{
    self, Folders, FoundFolder, ImportReport, ImportState, Outside, Row, rows_of_csv,
};
use crate::domain::mailserver::Security;
use crate::domain::{ImportId, Invalid};
use crate::store::Cx;
use crate::web::api::answer::{self, List};
use crate::web::api::query::PagingParams;
use crate::web::api::{Ask, Change, Json, Paging};
use crate::web::error::Problem;

/// Mail to bring in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMailboxImports)]
pub struct Wanted {
    /// The IMAP server elsewhere.
    #[schema(example = "imap.example.org")]
    host: String,
    /// Its port; 993 with `tls`, else 143, when it is left out.
    #[schema(minimum = 1)]
    port: Option<u16>,
    /// How the connection is protected; `tls` when it is left out. With `none` the password is sent
    /// as it is.
    security: Option<Security>,
    /// Which folder goes where.
    folders: Option<FoldersBody>,
    /// Only connect, list folders and count, and change nothing; `PATCH {"state": "copying"}` then
    /// goes on.
    #[serde(default)]
    trial: bool,
    /// The mailboxes to fill, 1 to 1,000, none twice; or `csv` instead.
    #[schema(max_items = 1000)]
    mailboxes: Option<Vec<MailboxBody>>,
    /// The same as text: a line `mailbox,user,password`, and one for each mailbox.
    csv: Option<String>,
}

/// A mailbox to fill.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMailboxImport)]
pub struct MailboxBody {
    /// Our mailbox: its id or address.
    mailbox: String,
    /// The login name there.
    user: String,
    /// The password or app password there. It is sealed, never shown, and forgotten at the end.
    #[schema(value_type = String, format = Password, write_only)]
    password: SecretString,
}

/// Which folder goes where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportFolders)]
pub struct FoldersBody {
    /// Drafts, sent mail and the like go to the folders that serve for them here; true when it is
    /// left out.
    by_use: Option<bool>,
    /// Everything else goes below this folder.
    below: Option<String>,
    /// Folders that go somewhere of their own.
    #[serde(default)]
    named: Vec<NamedFolder>,
    /// Folders that are left out.
    #[serde(default)]
    without: Vec<String>,
}

/// A folder that goes somewhere of its own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedFolder {
    /// Its name there, with `/` between levels.
    from: String,
    /// Its name here, with `/` between levels.
    to: String,
}

/// What becomes of an import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailboxImportChange)]
pub struct Wish {
    /// `trying` looks again after a trial or a failure; `copying` goes on after either, and looks for
    /// what is new at once while it follows; `cutting_over` makes the last pass and compares
    /// every message; `cancelled` calls it off and keeps what was copied.
    state: ImportState,
}

/// An import.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailboxImport {
    /// `UUIDv7`.
    id: uuid::Uuid,
    /// The mailbox that is filled.
    mailbox: uuid::Uuid,
    /// Its address.
    address: String,
    /// The server elsewhere.
    host: String,
    /// Its port.
    port: u16,
    /// How the connection is protected.
    security: Security,
    /// The login name there.
    user: String,
    /// Where it is.
    state: ImportState,
    /// Messages of the present pass that are here.
    messages_done: u64,
    /// Messages there.
    messages_total: u64,
    /// Bytes of the present pass that are here.
    bytes_done: u64,
    /// Bytes there; 0 when the server does not tell.
    bytes_total: u64,
    /// What the trial found; null before it.
    found: Option<Vec<FoundFolder>>,
    /// What was done so far.
    report: ImportReport,
    /// What it waits for, in a sentence; null when nothing.
    waiting_for: Option<String>,
    /// Why it failed, in a sentence.
    error: Option<String>,
    /// Asked for at.
    created_at: DateTime<Utc>,
    /// Last changed at.
    updated_at: DateTime<Utc>,
    /// Over at.
    finished_at: Option<DateTime<Utc>>,
}

/// Imports that were asked for together.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailboxImports {
    /// One for each mailbox, in the order asked.
    items: Vec<MailboxImport>,
}

impl From<import::Import> for MailboxImport {
    fn from(import: import::Import) -> Self {
        Self {
            id: import.id.0,
            mailbox: import.mailbox.0,
            address: import.address.to_string(),
            host: import.outside.host,
            port: import.outside.port,
            security: import.outside.security,
            user: import.user,
            state: import.state,
            messages_done: import.progress.messages_done,
            messages_total: import.progress.messages_total,
            bytes_done: import.progress.bytes_done,
            bytes_total: import.progress.bytes_total,
            found: import.found,
            report: import.report,
            waiting_for: import.waiting_for,
            error: import.error,
            created_at: import.created_at,
            updated_at: import.updated_at,
            finished_at: import.finished_at,
        }
    }
}

impl Wanted {
    fn checked(&self) -> Result<NewImports, Invalid> {
        let security = self.security.unwrap_or(Security::Tls);
        let outside = Outside::parse(&self.host, self.port, security)?;
        let (list, rows) = match (&self.mailboxes, &self.csv) {
            (Some(mailboxes), None) => ("mailboxes", mailboxes.iter().map(row).collect()),
            (None, Some(csv)) => ("csv", rows_of_csv(csv)?),
            _ => {
                let detail = "Name the mailboxes to fill, in “mailboxes” or in “csv”.";
                return Err(Invalid::field("mailboxes", detail));
            }
        };
        Ok(NewImports {
            outside,
            folders: self.folders.as_ref().map(folders).unwrap_or_default(),
            trial: self.trial,
            rows,
            list,
        })
    }
}

fn row(body: &MailboxBody) -> Row {
    Row {
        mailbox: body.mailbox.clone(),
        user: body.user.clone(),
        password: body.password.clone(),
    }
}

fn folders(body: &FoldersBody) -> Folders {
    let named = body.named.iter();
    Folders {
        by_use: body.by_use.unwrap_or(true),
        below: body.below.clone().filter(|below| !below.is_empty()),
        named: named
            .map(|one| (one.from.clone(), one.to.clone()))
            .collect(),
        without: body.without.clone(),
    }
}

/// List imports
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailbox-imports", operation_id = "listMailboxImports", tag = "Imports",
    params(PagingParams), responses((status = 200, description = "A page of imports", body = List<MailboxImport>)))]
pub async fn list(ask: Ask<Cx<ViewImports>, (Paging, ())>) -> Result<HttpResponse, Problem> {
    let paging = &ask.query.0;
    let page = imports::list(
        &ask.cx.begin().await?,
        &ImportFilter::default(),
        &paging.request,
    )
    .await?;
    answer::list(paging, page, MailboxImport::from)
}

/// Bring mail in from elsewhere
///
/// Each mailbox is filled from an account at an IMAP server elsewhere, and follows it until it is
/// cut over. Nothing is ever removed here or changed there. If one mailbox cannot be filled, nothing
/// is started and the fault is at its place.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailbox-imports", operation_id = "startMailboxImports", tag = "Imports",
    request_body = Wanted, responses((status = 202, description = "They are under way", body = MailboxImports)))]
pub async fn start(
    ask: Ask<Cx<ImportMail>, Change, Json<Wanted>>,
) -> Result<HttpResponse, Problem> {
    let new = ask.body.0.checked()?;
    let started = imports::start(ask.cx.begin().await?, new).await?;
    let location = super::location(&ask.cx.tenant().slug, &["mailbox-imports"]);
    let items = started.into_iter().map(MailboxImport::from).collect();
    ask.accepted(&location, "imports", &MailboxImports { items })
}

/// Read an import
#[utoipa::path(get, path = "/api/v1/tenants/{tenant}/mailbox-imports/{import}", operation_id = "getMailboxImport", tag = "Imports",
    responses((status = 200, description = "The import", body = MailboxImport)))]
pub async fn show(ask: Ask<Cx<ViewImports>>, path: One) -> Result<HttpResponse, Problem> {
    let id: ImportId = super::id(&path.1, "import")?;
    let found = imports::find(&ask.cx.begin().await?, id).await?;
    ask.show("import", &MailboxImport::from(found))
}

/// Let an import go on, cut it over, or call it off
#[utoipa::path(patch, path = "/api/v1/tenants/{tenant}/mailbox-imports/{import}", operation_id = "changeMailboxImport", tag = "Imports",
    request_body = Wish, responses((status = 200, description = "The import as it is now", body = MailboxImport)))]
pub async fn change(
    ask: Ask<Cx<ImportMail>, Change, Json<Wish>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let id: ImportId = super::id(&path.1, "import")?;
    let changed = imports::set_state(ask.cx.begin().await?, id, ask.body.0.state).await?;
    ask.changed("import", &MailboxImport::from(changed))
}
