//! A draft: what was chosen, what the look at it found in groups that matter, row by row, and the
//! terms on which it is confirmed.
use actix_web::{HttpResponse, web};
use askama::Template;
use chrono::TimeDelta;

use super::{Asked, BatchPath, crumb};
use crate::app::AppError;
use crate::app::drafts::{self, Terms};
use crate::authz::{ConvertMailboxes, ViewConversions};
use crate::domain::conversion::KeepOpen;
use crate::domain::selection::{Choice, Closes, Group, Selection, Tally, Verdict};
use crate::domain::{Batch, Invalid, Protocol, Way, schedule};
use crate::store::Cx;
use crate::web::choices_csv;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{self, since, size, thousands};
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::pages::confirm::When;
use crate::web::paging::{Links, with_query};
use crate::web::parts::{Part, Parts};
use crate::web::shell::{Shell, Tone};
use crate::web::urls;

/// How long *keep it open* lasts.
const KEPT_OPEN: TimeDelta = TimeDelta::days(14);

/// A number with what it counts, and the way to the rows.
struct Finding {
    tone: Tone,
    count: String,
    words: String,
    href: String,
    current: bool,
}

/// A row of the table.
struct Row {
    choice: Choice,
    href: String,
    tone: Tone,
    status: &'static str,
    said: Vec<String>,
    mail: String,
}

#[derive(Template)]
#[template(path = "conversions/draft.html")]
struct Show {
    shell: Shell,
    batch: Batch,
    selection: Selection,
    tally: Tally,
    findings: Vec<(&'static str, Vec<Finding>)>,
    parts: Parts,
    rows: Vec<Row>,
    links: Links,
    total: u64,
    group: Option<Group>,
    form: Form,
    may: bool,
    zone: String,
    faults: Invalid,
}

impl Row {
    /// The name, and the row of the list that it came in.
    fn sub(&self) -> String {
        match (self.choice.line, self.choice.name.as_str()) {
            (Some(line), "") => format!("row {line}"),
            (Some(line), name) => format!("{name}, row {line}"),
            (None, name) => name.to_owned(),
        }
    }
}

/// The terms as they were typed.
#[derive(Debug, Clone, Default)]
struct Form {
    when: When,
    at_once: String,
    keep: Vec<Protocol>,
    notify: bool,
}

impl Show {
    fn checking(&self) -> bool {
        self.selection.checked_at.is_none()
    }

    fn preview(&self, row: &Row, moment: &str) -> String {
        let (slug, to) = (&self.shell.tenant.slug, self.batch.to);
        crate::web::pages::messages::preview_href(slug, &row.choice.address, to, moment)
    }

    fn here(&self) -> String {
        urls::conversion(&self.shell.tenant.slug, self.batch.id)
    }

    fn filtered(&self, group: &str) -> String {
        with_query(&self.here(), &[("group", group)])
    }

    fn csv(&self) -> String {
        let word = self.group.as_ref().map(Group::word).unwrap_or_default();
        let path = urls::conversion_choices(&self.shell.tenant.slug, self.batch.id);
        with_query(&path, &[("group", &word)])
    }

    /// "2,113 of 3,412": the filter may find more or fewer than one thought.
    fn looked_at(&self) -> (String, String) {
        let of = self.selection.expected.max(self.selection.checked);
        (
            thousands(self.selection.checked),
            format!("of {} looked at", thousands(of)),
        )
    }

    fn progress(&self) -> (String, String) {
        let of = self.selection.expected.max(self.selection.checked).max(1);
        (self.selection.checked.to_string(), of.to_string())
    }

    fn mail(&self) -> String {
        format!(
            "{}, {} messages",
            size(self.tally.bytes),
            thousands(self.tally.messages)
        )
    }

    fn going(&self) -> String {
        super::mailboxes(self.tally.going())
    }

    fn button(&self) -> String {
        match self.tally.going() {
            1 => "Confirm 1 conversion".to_owned(),
            n => format!("Confirm {} conversions", thousands(n)),
        }
    }

    fn shown(&self) -> String {
        format!("{} of", thousands(self.rows.len() as u64))
    }

    fn whole(&self) -> String {
        thousands(self.total)
    }

    fn closing(&self, closes: &Closes) -> String {
        let _ = self;
        match closes.used_this_week {
            0 => format!("on {}; nobody used it this week", thousands(closes.on)),
            n => format!(
                "on {}; {} used it this week",
                thousands(closes.on),
                thousands(n)
            ),
        }
    }

    /// Whether the target kind may have it, so that it can stay open for a while.
    fn may_keep(&self, closes: &Closes) -> bool {
        self.batch.to.allows().has(closes.protocol)
    }

    fn keeps(&self, closes: &Closes) -> bool {
        self.form.keep.contains(&closes.protocol)
    }

    fn fault(&self, field: &str) -> String {
        self.faults.of(field).unwrap_or_default().to_owned()
    }

    fn zone_hint(&self) -> String {
        format!("By the clock of {}.", self.zone)
    }

    /// Which rows to show, with how many there are.
    fn tabs(&self) -> Vec<(String, String, &'static str, bool)> {
        let verdicts = [
            (Verdict::Ready, "Ready", self.tally.ready),
            (Verdict::Attention, "Attention", self.tally.attention),
            (Verdict::Blocked, "Left out", self.tally.blocked),
        ];
        let tab = |(verdict, label, count): (Verdict, &str, u64)| {
            let group = Group::Verdict(verdict);
            let href = self.filtered(&group.word());
            let current = self.group.as_ref() == Some(&group);
            let words = format!("{label} {}", thousands(count));
            (words, href, self.weight(current), current)
        };
        let some = verdicts.into_iter().filter(|(_, _, count)| *count > 0);
        some.map(tab).collect()
    }

    /// The choice that is on is not a quiet one.
    fn weight(&self, current: bool) -> &'static str {
        let _ = self;
        if current { "" } else { "quiet" }
    }

    fn has_faults(&self) -> bool {
        !self.faults.errors.is_empty()
    }
}

/// The page of a draft.
pub async fn show(
    person: &Person,
    cx: &Cx<ViewConversions>,
    batch: Batch,
    asked: &Asked,
) -> Result<HttpResponse, Problem> {
    let page = page(person, cx, batch, asked, None).await?;
    person.page(&page)
}

async fn page(
    person: &Person,
    cx: &Cx<ViewConversions>,
    batch: Batch,
    asked: &Asked,
    form: Option<(Form, Invalid)>,
) -> Result<Show, Problem> {
    let work = cx.begin().await?;
    let tally = drafts::tally(&work, batch.id).await?;
    let group = Group::parse(&asked.group);
    let place = asked.place();
    let count = group
        .as_ref()
        .map_or(tally.total(), |group| tally.of(group));
    let request = place.request()?;
    let found = drafts::choices_of(&work, batch.id, group.as_ref(), count, &request).await?;
    let slug = cx.tenant().slug.as_str();
    let here = urls::conversion(slug, batch.id);
    let title = format!(
        "{} to {}",
        super::mailboxes(total(&batch, &tally)),
        batch.to.label()
    );
    let mut shell = person.shell(cx, title, Section::Conversions);
    shell
        .breadcrumbs
        .push(crumb("Conversions", Some(urls::conversions(slug))));
    shell.breadcrumbs.push(crumb("Draft", None));
    let query = [("group", asked.group.as_str())];
    let selection = batch.selection.clone().unwrap_or(Selection {
        chosen: String::new(),
        expected: 0,
        checked: 0,
        checked_at: None,
    });
    let (form, faults) = form.unwrap_or_else(|| (proposed(&batch, &tally), Invalid::default()));
    let to_group = |group: &Group| with_query(&here, &[("group", &group.word())]);
    Ok(Show {
        links: place.links(&here, &query, found.next.as_deref()),
        parts: parts(&tally, to_group),
        findings: findings(&tally, group.as_ref(), to_group),
        rows: found
            .items
            .into_iter()
            .map(|choice| row(cx, choice))
            .collect(),
        total: found.total,
        may: cx.may::<ConvertMailboxes>(),
        zone: cx.tenant().time_zone.clone(),
        shell,
        selection,
        tally,
        group,
        form,
        faults,
        batch,
    })
}

fn total(batch: &Batch, tally: &Tally) -> u64 {
    let expected = batch.selection.as_ref().map_or(0, |s| {
        if s.checked_at.is_none() {
            s.expected
        } else {
            0
        }
    });
    tally.total().max(expected)
}

/// What somebody used this week and may keep for a while: proposed, not decided.
fn proposed(batch: &Batch, tally: &Tally) -> Form {
    let used = tally
        .closes
        .iter()
        .filter(|closes| closes.used_this_week > 0);
    let keep = used
        .map(|closes| closes.protocol)
        .filter(|protocol| batch.to.allows().has(*protocol));
    Form {
        when: When::default(),
        at_once: batch
            .at_once
            .map(|limit| limit.to_string())
            .unwrap_or_default(),
        keep: keep.collect(),
        notify: batch.notify_users,
    }
}

fn parts(tally: &Tally, to: impl Fn(&Group) -> String) -> Parts {
    let part = |tone, count, noun: &str, verdict| Part {
        tone,
        count,
        noun: noun.to_owned(),
        href: to(&Group::Verdict(verdict)),
    };
    let needs = if tally.attention == 1 {
        "needs attention"
    } else {
        "need attention"
    };
    Parts(vec![
        part(Tone::Good, tally.ready, "ready", Verdict::Ready),
        part(Tone::Warn, tally.attention, needs, Verdict::Attention),
        part(Tone::Bad, tally.blocked, "left out", Verdict::Blocked),
        part(Tone::Wait, tally.waits, "not looked at yet", Verdict::Waits),
    ])
}

/// The selection in groups that matter, each with its heading.
fn findings(
    tally: &Tally,
    current: Option<&Group>,
    to: impl Fn(&Group) -> String,
) -> Vec<(&'static str, Vec<Finding>)> {
    let finding = |tone, count: u64, words: String, group: Group| Finding {
        tone,
        count: thousands(count),
        words,
        href: to(&group),
        current: current == Some(&group),
    };
    let blockers = tally.blockers.iter().map(|(code, count)| {
        let group = Group::Blocker(code.clone());
        finding(Tone::Bad, *count, cannot(code, *count), group)
    });
    let mut people: Vec<Finding> = vec![];
    for closes in tally
        .closes
        .iter()
        .filter(|closes| closes.used_this_week > 0)
    {
        let words = format!("used {} this week, which closes", closes.protocol.label());
        let group = Group::Used(closes.protocol);
        people.push(finding(Tone::Warn, closes.used_this_week, words, group));
    }
    if tally.set_up_again > 0 {
        let words = if tally.set_up_again == 1 {
            "has to set up a client again"
        } else {
            "have to set up a client again"
        };
        let words = words.to_owned();
        people.push(finding(
            Tone::Warn,
            tally.set_up_again,
            words,
            Group::SetUpAgain,
        ));
    }
    let ways = tally.ways.iter().map(|(way, count)| {
        let words = match way {
            Way::InPlace => "in place: nothing is copied",
            Way::Move => "by a move to another server",
        };
        finding(Tone::Off, *count, words.to_owned(), Group::Way(*way))
    });
    let plans = tally.plans.iter().take(20).map(|(change, count)| {
        finding(
            Tone::Off,
            *count,
            change.clone(),
            Group::Plan(change.clone()),
        )
    });
    let all = [
        ("Left out", blockers.collect::<Vec<_>>()),
        ("People who will notice", people),
        ("How it is done", ways.collect()),
        ("Plan and price code", plans.collect()),
    ];
    all.into_iter()
        .filter(|(_, some)| !some.is_empty())
        .collect()
}

/// Why so many cannot, after their number.
fn cannot(code: &str, count: u64) -> String {
    let one = count == 1;
    let pick = |single: &str, many: &str| {
        if one {
            single.to_owned()
        } else {
            many.to_owned()
        }
    };
    match code {
        "not_found" => pick(
            "address has no mailbox here",
            "addresses have no mailbox here",
        ),
        "not_an_address" => pick("row is no address", "rows are no addresses"),
        "named_twice" => pick("row names one again", "rows name one again"),
        "same_kind" => pick("has that kind already", "have that kind already"),
        "already_converting" => pick("is being converted already", "are being converted already"),
        "retained" => pick("was taken away and is kept", "were taken away and are kept"),
        "not_ready" => pick("has a change under way", "have a change under way"),
        "drift" => pick("differs on its server", "differ on their server"),
        "domain_unproved" => pick(
            "is in a domain that is not proved",
            "are in a domain that is not proved",
        ),
        "no_plan" => pick("has no plan to go to", "have no plan to go to"),
        "no_seat" => pick("finds no seat left", "find no seat left"),
        "over_quota" => pick(
            "holds more than the plan allows",
            "hold more than the plan allows",
        ),
        "unreadable" => pick("cannot be read", "cannot be read"),
        "no_server" => pick(
            "has no server that offers it",
            "have no server that offers it",
        ),
        other => other.replace('_', " "),
    }
}

fn row(cx: &Cx<ViewConversions>, choice: Choice) -> Row {
    let (tone, status) = match choice.verdict {
        Verdict::Waits => (Tone::Wait, "Not looked at yet"),
        Verdict::Ready => (Tone::Good, "Ready"),
        Verdict::Attention => (Tone::Warn, "Needs attention"),
        Verdict::Blocked => (Tone::Bad, "Left out"),
    };
    let href = match choice.mailbox {
        Some(_) => urls::mailbox(&cx.tenant().slug, &choice.address),
        None => String::new(),
    };
    let mail = match choice.bytes {
        0 => "–".to_owned(),
        bytes => size(bytes.unsigned_abs()),
    };
    Row {
        said: said(cx, &choice),
        href,
        tone,
        status,
        mail,
        choice,
    }
}

/// What to know about a row, in sentences.
fn said(cx: &Cx<ViewConversions>, choice: &Choice) -> Vec<String> {
    if choice.verdict == Verdict::Blocked {
        return vec![choice.why.clone()];
    }
    let mut said: Vec<String> = vec![];
    for closing in &choice.closes {
        if let Some(at) = closing
            .last_used_at
            .filter(|_| choice.used_lately.has(closing.protocol))
        {
            said.push(format!(
                "{} closes and was used {}.",
                closing.protocol.label(),
                since(at, cx.now())
            ));
        }
    }
    match choice.way {
        Some(Way::InPlace) => said.push(format!("In place on {}.", choice.server)),
        Some(Way::Move) => said.push(format!(
            "Moves from {} to {}.",
            choice.server, choice.goes_to
        )),
        None => {}
    }
    said
}

/// `POST /t/{tenant}/conversions/{batch}/confirmation`
pub async fn confirm(
    person: Person,
    cx: Cx<ConvertMailboxes>,
    path: BatchPath,
    form: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let typed = Form::read(&form);
    let here = urls::conversion(&cx.tenant().slug, path.1);
    let zone = schedule::zone(&cx.tenant().time_zone);
    let (terms, note) = match typed.terms(zone, cx.now()) {
        Ok(terms) => terms,
        Err(faults) => return again(&person, &cx, &path, typed, faults).await,
    };
    match drafts::confirm(cx.begin().await?, path.1, Some(terms)).await {
        Ok(batch) => {
            let said = match batch.not_before.filter(|then| cx.now() < *then) {
                Some(at) => format!("Begins {}.", schedule::said(zone, at)),
                None => "The conversion has started.".to_owned(),
            };
            let note = note.map(|note| format!(" {note}")).unwrap_or_default();
            Ok(person.done(here, format!("{said}{note}")))
        }
        Err(AppError::Invalid(faults)) => again(&person, &cx, &path, typed, faults).await,
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
        Err(other) => Err(other.into()),
    }
}

async fn again(
    person: &Person,
    cx: &Cx<ConvertMailboxes>,
    path: &BatchPath,
    typed: Form,
    faults: Invalid,
) -> Result<HttpResponse, Problem> {
    let seen = cx.narrow::<ViewConversions>();
    let batch = crate::app::conversions::find(&seen.begin().await?, path.1).await?;
    let page = page(
        person,
        &seen,
        batch,
        &Asked::default(),
        Some((typed, faults)),
    )
    .await?;
    frame::form_again(&page)
}

impl Form {
    fn read(pairs: &[(String, String)]) -> Self {
        let of = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.as_str())
        };
        let keep = pairs.iter().filter(|(name, _)| name == "keep");
        Self {
            when: When::read(of("when"), of("date"), of("time")),
            at_once: of("at_once").unwrap_or_default().trim().to_owned(),
            keep: keep.filter_map(|(_, word)| Protocol::parse(word)).collect(),
            notify: of("notify").is_some(),
        }
    }

    /// The terms, and what to know about the time.
    fn terms(
        &self,
        zone: chrono_tz::Tz,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(Terms, Option<String>), Invalid> {
        let mut faults = Invalid::default();
        let named = faults.take(self.when.moment(zone, now)).flatten();
        let at_once = match self.at_once.as_str() {
            "" => None,
            typed => typed.parse().ok().or_else(|| {
                faults.push(
                    "at_once",
                    "Enter a whole number, such as 10, or leave it empty.",
                );
                None
            }),
        };
        faults.into_result()?;
        let keep = self.keep.iter().map(|protocol| KeepOpen {
            protocol: *protocol,
            until: now + KEPT_OPEN,
        });
        let terms = Terms {
            not_before: named.as_ref().map(|named| named.at),
            at_once,
            notify_users: self.notify,
            keep_open: keep.collect(),
        };
        Ok((terms, named.and_then(|named| named.note)))
    }
}

/// `POST /t/{tenant}/conversions/{batch}/look`
pub async fn look_again(
    person: Person,
    cx: Cx<ConvertMailboxes>,
    path: BatchPath,
) -> Result<HttpResponse, Problem> {
    let here = urls::conversion(&cx.tenant().slug, path.1);
    match drafts::look_again(cx.begin().await?, path.1).await {
        Ok(_) => Ok(person.done(here, "Every mailbox is looked at once more.")),
        Err(AppError::Conflict { detail, .. }) => Ok(person.refused(here, detail)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /t/{tenant}/conversions/{batch}/discard`
pub async fn discard(
    person: Person,
    cx: Cx<ConvertMailboxes>,
    path: BatchPath,
) -> Result<HttpResponse, Problem> {
    let slug = cx.tenant().slug.to_string();
    match drafts::discard(cx.begin().await?, path.1).await {
        Ok(_) => {
            let said = "The draft is gone. Nothing had happened to any mailbox.";
            Ok(person.done(urls::conversions(&slug), said))
        }
        Err(AppError::Conflict { detail, .. }) => {
            Ok(person.refused(urls::conversion(&slug, path.1), detail))
        }
        Err(other) => Err(other.into()),
    }
}

/// `GET /t/{tenant}/conversions/{batch}/choices.csv`
pub async fn download(
    cx: Cx<ViewConversions>,
    path: BatchPath,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    choices_csv::send(cx, path.1, Group::parse(&asked.group)).await
}
