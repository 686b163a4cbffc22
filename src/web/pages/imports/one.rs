//! One import: what the trial found and where each folder goes, how far it is, what was left out,
//! and everything that can be done about it.
use actix_web::{HttpResponse, web};
use askama::Template;
use secrecy::SecretString;
use serde::Deserialize;

use super::{bytes_or_dash, different, folders_of, messages_of, new, said, status};
use crate::app::{AppError, imports};
use crate::authz::{ImportMail, ViewImports};
use crate::domain::import::{FoundFolder, Import, ImportState, Provider};
use crate::domain::mailserver::Security;
use crate::domain::{ImportId, Invalid};
use crate::store::Cx;
use crate::web::cx::{Person, TenantSegment};
use crate::web::error::Problem;
use crate::web::filters::{self, size, thousands};
use crate::web::nav::Section;
use crate::web::shell::{Shell, Tone};
use crate::web::{frame, urls};

/// The steps, as people see them.
const STEPS: [(&str, &[ImportState]); 4] = [
    ("Look", &[ImportState::Trying, ImportState::Tried]),
    ("Copy", &[ImportState::Copying]),
    ("Follow", &[ImportState::Following]),
    ("Finish", &[ImportState::CuttingOver]),
];

#[derive(Template)]
#[template(path = "imports/show.html")]
struct Show {
    shell: Shell,
    import: Import,
    may: bool,
    /// Names that were typed and came back; else those of the trial.
    names: Option<Vec<Option<String>>>,
    user: String,
    faults: Invalid,
}

/// A folder of the mailbox there.
struct FolderRow {
    place: usize,
    name: String,
    messages: String,
    size: String,
    left_out: bool,
    here: String,
    went: String,
    field: String,
    error: String,
}

impl Show {
    fn new<P: crate::authz::Permission>(person: &Person, cx: &Cx<P>, import: Import) -> Self {
        let slug = cx.tenant().slug.as_str();
        let title = format!("Mail for {}", import.address);
        Self {
            shell: person
                .shell(cx, title, Section::Imports)
                .step("Imports", urls::imports(slug))
                .step(import.address.as_str(), None),
            may: cx.may::<ImportMail>(),
            names: None,
            user: import.user.clone(),
            faults: Invalid::default(),
            import,
        }
    }

    fn status(&self) -> (Tone, &'static str) {
        status(self.import.state)
    }

    fn is(&self, state: &str) -> bool {
        self.import.state.as_str() == state
    }

    fn over(&self) -> bool {
        self.import.state.is_over()
    }

    /// Seconds between two looks at this page; none where somebody has to act first.
    fn live(&self) -> Option<&'static str> {
        match self.import.state {
            ImportState::Trying | ImportState::Copying | ImportState::CuttingOver => Some("2"),
            ImportState::Following => Some("10"),
            _ => None,
        }
    }

    /// The server there, in words.
    fn there(&self) -> String {
        let outside = &self.import.outside;
        let protected = match outside.security {
            Security::Tls => "TLS",
            Security::Starttls => "STARTTLS",
            Security::None => "unprotected",
        };
        format!("{}, port {}, {protected}", outside.host, outside.port)
    }

    fn unprotected(&self) -> bool {
        self.import.outside.security == Security::None && !self.over()
    }

    fn hint(&self) -> &'static str {
        Provider::of_host(&self.import.outside.host).map_or("", |provider| provider.hint)
    }

    /// Each step with `done`, `now` or nothing.
    fn steps(&self) -> Vec<(&'static str, &'static str)> {
        let state = self.import.state;
        let here = STEPS.iter().position(|(_, states)| states.contains(&state));
        let step = |(place, (label, _)): (usize, &(&'static str, &[ImportState]))| {
            let mark = match here {
                _ if state == ImportState::Done => "done",
                Some(here) if place < here => "done",
                Some(here) if place == here => "now",
                _ => "",
            };
            (mark, *label)
        };
        STEPS.iter().enumerate().map(step).collect()
    }

    /// What the number beside it does not say.
    fn said(&self) -> String {
        match self.import.state {
            ImportState::Tried => {
                let found = self.import.found.as_deref().unwrap_or_default();
                format!("In {}", folders_of(found.len()))
            }
            ImportState::Following => "New ones follow".to_owned(),
            ImportState::Copying | ImportState::CuttingOver if self.bar().is_some() => {
                "The mailbox there stays as it is".to_owned()
            }
            _ => said(&self.import),
        }
    }

    fn count(&self) -> String {
        match self.import.state {
            ImportState::Trying => "–".to_owned(),
            ImportState::Tried => thousands(self.found_messages()),
            ImportState::Done | ImportState::Failed | ImportState::Cancelled => {
                thousands(self.import.report.copied + self.import.report.recognised)
            }
            _ => thousands(self.import.progress.messages_done),
        }
    }

    fn of(&self) -> String {
        match self.import.state {
            ImportState::Trying => String::new(),
            ImportState::Tried => "messages there".to_owned(),
            ImportState::Following
            | ImportState::Done
            | ImportState::Failed
            | ImportState::Cancelled => "messages here".to_owned(),
            _ => format!(
                "of {} here",
                messages_of(self.import.progress.messages_total)
            ),
        }
    }

    fn found_messages(&self) -> u64 {
        let found = self.import.found.as_deref().unwrap_or_default();
        found.iter().map(|folder| folder.messages).sum()
    }

    fn bar(&self) -> Option<(String, String)> {
        let progress = self.import.progress;
        let (done, total) = if progress.bytes_total > 0 {
            (progress.bytes_done, progress.bytes_total)
        } else {
            (progress.messages_done, progress.messages_total)
        };
        let moving = matches!(
            self.import.state,
            ImportState::Copying | ImportState::Following | ImportState::CuttingOver
        );
        (moving && total > 0).then(|| (done.min(total).to_string(), total.to_string()))
    }

    fn progress_bytes(&self) -> String {
        let progress = self.import.progress;
        if progress.bytes_total == 0 {
            return String::new();
        }
        format!(
            "{} of {}",
            size(progress.bytes_done),
            size(progress.bytes_total)
        )
    }

    /// "12 folders, 4,021 messages, 1.20 GB".
    fn found_in_all(&self) -> String {
        let found = self.import.found.as_deref().unwrap_or_default();
        let messages = messages_of(self.found_messages());
        let bytes = found.iter().map(|folder| folder.bytes).sum();
        let folders = folders_of(found.len());
        match bytes {
            0 => format!("{folders}, {messages}"),
            bytes => format!("{folders}, {messages}, {}", size(bytes)),
        }
    }

    fn error(&self, field: &str) -> &str {
        self.faults.of(field).unwrap_or_default()
    }

    /// The folders that the trial found.
    fn folders(&self) -> Vec<FolderRow> {
        let found = self.import.found.as_deref().unwrap_or_default();
        let row = |(place, folder): (usize, &FoundFolder)| {
            let typed = self.names.as_ref().and_then(|names| names.get(place));
            let here = typed.unwrap_or(&folder.goes_to);
            let field = format!("folders/{place}");
            FolderRow {
                place,
                name: folder.name.clone(),
                messages: thousands(folder.messages),
                size: bytes_or_dash(folder.bytes),
                left_out: here.is_none(),
                here: here.clone().unwrap_or_default(),
                went: self.went(folder),
                error: self.error(&field).to_owned(),
                field,
            }
        };
        found.iter().enumerate().map(row).collect()
    }

    /// Where a folder went, once that is settled.
    fn went(&self, folder: &FoundFolder) -> String {
        let folders = &self.import.folders;
        let left_out = || "left out".to_owned();
        if folders.without.contains(&folder.name) {
            return left_out();
        }
        let named = folders.named.iter().find(|(from, _)| *from == folder.name);
        let went = named.map(|(_, to)| to).or(folder.goes_to.as_ref());
        went.map_or_else(left_out, Clone::clone)
    }

    /// Whether the report says that everything is here.
    fn whole(&self) -> bool {
        different(&self.import) == 0
    }

    fn report(&self) -> Vec<(&'static str, String)> {
        let report = &self.import.report;
        let mut rows = vec![
            ("Passes", thousands(report.passes)),
            ("Brought in", messages_of(report.copied)),
            ("Their size", bytes_or_dash(report.bytes)),
        ];
        for (label, count) in [
            ("Already here", report.recognised),
            ("Flags brought up to date", report.flagged),
            ("Left out", report.not_imported_count),
        ] {
            if count > 0 {
                rows.push((label, messages_of(count)));
            }
        }
        rows
    }

    fn more_left_out(&self) -> u64 {
        let shown = self.import.report.not_imported.len() as u64;
        self.import.report.not_imported_count.saturating_sub(shown)
    }

    /// The form for another try with other details.
    fn anew(&self) -> String {
        let path = urls::new_import(&self.shell.tenant.slug);
        crate::web::paging::with_query(&path, &[("mailbox", self.import.address.as_str())])
    }
}

/// The path of an import.
pub type ImportPath = web::Path<(TenantSegment, ImportId)>;

/// `GET /t/{tenant}/imports/{import}`
pub async fn show(
    person: Person,
    cx: Cx<ViewImports>,
    path: ImportPath,
) -> Result<HttpResponse, Problem> {
    let import = imports::find(&cx.begin().await?, path.1).await?;
    person.page(&Show::new(&person, &cx, import))
}

/// `POST /t/{tenant}/imports/{import}/start`: `goes-<place>` and `without` of each folder.
pub async fn start(
    person: Person,
    cx: Cx<ImportMail>,
    path: ImportPath,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let here = urls::import(&cx.tenant().slug, path.1);
    let import = imports::find(&cx.begin().await?, path.1).await?;
    let names = names(&form, import.found.as_deref().unwrap_or_default());
    match imports::begin(cx.begin().await?, path.1, &names).await {
        Ok(_) => Ok(person.done(here, "It begins. This page shows how far it is.")),
        Err(AppError::Invalid(faults)) => {
            let mut page = Show::new(&person, &cx, import);
            page.names = Some(names);
            page.faults = faults;
            frame::form_again(&page)
        }
        Err(other) => answer(&person, here, Err(other), ""),
    }
}

fn names(form: &[(String, String)], found: &[FoundFolder]) -> Vec<Option<String>> {
    let of = |name: &str| form.iter().find(|(known, _)| known == name);
    let without = |place: &str| {
        form.iter()
            .any(|(name, value)| name == "without" && value == place)
    };
    let name = |place: usize| {
        let typed = of(&format!("goes-{place}")).map(|(_, value)| value.clone());
        typed.filter(|_| !without(&place.to_string()))
    };
    (0..found.len()).map(name).collect()
}

/// Who it is there.
#[derive(Deserialize)]
pub struct Login {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: SecretString,
}

/// `POST /t/{tenant}/imports/{import}/retry`
pub async fn retry(
    person: Person,
    cx: Cx<ImportMail>,
    path: ImportPath,
    form: web::Form<Login>,
) -> Result<HttpResponse, Problem> {
    use secrecy::ExposeSecret as _;
    let here = urls::import(&cx.tenant().slug, path.1);
    let form = form.into_inner();
    let typed = !form.password.expose_secret().is_empty();
    let password = typed.then_some(form.password);
    let user = form.user.trim();
    match imports::again(cx.begin().await?, path.1, user, password).await {
        Ok(_) => Ok(person.done(here, "It is tried again.")),
        Err(AppError::Invalid(faults)) => {
            let import = imports::find(&cx.begin().await?, path.1).await?;
            let mut page = Show::new(&person, &cx, import);
            user.clone_into(&mut page.user);
            page.faults = new::at_fields(&faults);
            frame::form_again(&page)
        }
        Err(other) => answer(&person, here, Err(other), ""),
    }
}

fn answer(
    person: &Person,
    here: String,
    done: Result<Import, AppError>,
    said: &str,
) -> Result<HttpResponse, Problem> {
    match done {
        Ok(_) => Ok(person.done(here, said)),
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
        Err(other) => Err(other.into()),
    }
}

macro_rules! changes {
    ($($(#[$doc:meta])* $name:ident => $state:ident, $said:literal;)*) => {$(
        $(#[$doc])*
        pub async fn $name(
            person: Person,
            cx: Cx<ImportMail>,
            path: ImportPath,
        ) -> Result<HttpResponse, Problem> {
            let here = urls::import(&cx.tenant().slug, path.1);
            let done = imports::set_state(cx.begin().await?, path.1, ImportState::$state).await;
            answer(&person, here, done, $said)
        }
    )*};
}

changes! {
    /// `POST /t/{tenant}/imports/{import}/trial`
    look_again => Trying, "It is looked at again.";
    /// `POST /t/{tenant}/imports/{import}/pass`
    pass => Copying, "It looks for what is new now.";
    /// `POST /t/{tenant}/imports/{import}/finish`
    finish => CuttingOver, "The last pass begins; then every message is compared.";
    /// `POST /t/{tenant}/imports/{import}/stop`
    stop => Cancelled, "Stopped. What was copied stays, and the password is forgotten.";
}
