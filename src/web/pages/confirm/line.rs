//! One change on the confirmation page: what it would do as things stand now, and what one can
//! choose. Everything is read anew each time, so that an old form meets the truth.
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::{DateTime, TimeDelta, Utc};

use super::order::{Choice, Order, Wish};
use crate::app::{AppError, conversions, mailboxes, plans, seats, users};
use crate::authz::ViewService;
use crate::domain::conversion::{Closing, PreCheck};
use crate::domain::seats::{Needed, Promised};
use crate::domain::{Kind, Mailbox, MailboxId, Plan, Protocol, TenantId, TenantKind, User, Way};
use crate::store::{Cx, Work};
use crate::web::error::Problem;
use crate::web::filters::{date, since, size};
use crate::web::urls;

/// A protocol used within so many days is one that somebody would miss.
const LATELY: i64 = 30;

/// How urgent a line is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Attention,
    Blocked,
    Ready,
}

impl Group {
    /// Where it stands on the page.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Blocked => "blocked",
            Self::Ready => "ready",
        }
    }

    /// The tone of its head.
    #[must_use]
    pub const fn tone(self) -> &'static str {
        match self {
            Self::Attention => "warn",
            Self::Blocked => "bad",
            Self::Ready => "good",
        }
    }

    /// Its head, for so many lines.
    #[must_use]
    pub fn title(self, count: usize) -> String {
        match (self, count) {
            (Self::Attention, 1) => "1 needs attention".to_owned(),
            (Self::Attention, n) => format!("{n} need attention"),
            (Self::Blocked, n) => format!("{n} left out"),
            (Self::Ready, n) => format!("{n} ready"),
        }
    }

    /// What it means.
    #[must_use]
    pub const fn note(self) -> &'static str {
        match self {
            Self::Attention => "Possible; read the reason first",
            Self::Blocked => "Nothing happens to them; they stay exactly as they are",
            Self::Ready => "Nothing in the way",
        }
    }
}

/// A change, with everything there is to know about it.
pub struct Line {
    pub address: String,
    pub name: String,
    pub href: String,
    pub ticked: bool,
    pub group: Group,
    /// The kind it would get, where it would be converted.
    pub to: Option<Kind>,
    pub bytes: u64,
    pub messages: u64,
    /// How it is done: "in place on mail-1".
    pub how: String,
    /// What to know before choosing, in sentences; strong ones first.
    pub warnings: Vec<String>,
    pub notes: Vec<String>,
    /// What can be chosen; empty when nothing can.
    pub choices: Vec<(Choice, String)>,
    /// What is chosen.
    pub chosen: Option<Choice>,
    check: Option<PreCheck>,
    plan: String,
    may_keep: Vec<Protocol>,
}

impl Line {
    /// Whether anything happens to it.
    #[must_use]
    pub fn goes(&self) -> bool {
        !self.choices.is_empty()
    }

    /// Whether it is going to be converted.
    #[must_use]
    pub fn converts(&self) -> bool {
        self.chosen == Some(Choice::Convert)
    }

    /// Whether this may be chosen for it now.
    #[must_use]
    pub fn offers(&self, choice: Choice) -> bool {
        self.choices.iter().any(|(offered, _)| *offered == choice)
    }

    /// The size, where there is a mailbox.
    #[must_use]
    pub fn size(&self) -> String {
        size(self.bytes)
    }

    fn new(wish: &Wish) -> Self {
        Self {
            address: wish.address.clone(),
            name: wish.address.clone(),
            href: String::new(),
            ticked: wish.ticked,
            group: Group::Blocked,
            to: None,
            bytes: 0,
            messages: 0,
            how: String::new(),
            warnings: vec![],
            notes: vec![],
            choices: vec![],
            chosen: None,
            check: None,
            plan: String::new(),
            may_keep: vec![],
        }
    }

    fn left_out(mut self, why: impl Into<String>) -> Self {
        self.notes.push(why.into());
        self
    }

    /// Nothing can be done to it after all.
    fn refuse(mut self, why: String) -> Self {
        self.group = Group::Blocked;
        self.how.clear();
        self.choices.clear();
        self.chosen = None;
        self.warnings.clear();
        self.notes = vec![why];
        self
    }

    fn offer(mut self, order: &Order, choices: Vec<(Choice, String)>) -> Self {
        let asked = order.choices.get(&self.address).copied();
        let first = choices.first().map(|(choice, _)| *choice);
        self.choices = choices;
        self.chosen = asked.filter(|choice| self.offers(*choice)).or(first);
        self
    }
}

/// Looks at every change of an order, in its order.
pub async fn look(cx: &Cx<ViewService>, order: &Order) -> Result<Vec<Line>, Problem> {
    let work = cx.begin().await?;
    let to_other = checks(&work, order, order.kind.other(), false).await?;
    let to_kind = checks(&work, order, order.kind, true).await?;
    let mut sold = Sold::default();
    let mut wanted = Wanted::default();
    let mut lines = Vec::with_capacity(order.wishes.len());
    for wish in &order.wishes {
        let check = to_other
            .get(&wish.address)
            .or_else(|| to_kind.get(&wish.address));
        let line = line(cx, &work, order, wish, check, &mut sold).await?;
        lines.push(wanted.look(&work, order, line, &mut sold).await?);
    }
    Ok(lines)
}

/// The pre-checks of all that is to be converted one way.
async fn checks(
    work: &Work<ViewService>,
    order: &Order,
    to: Kind,
    ticked: bool,
) -> Result<BTreeMap<String, PreCheck>, AppError> {
    let wishes = order.wishes.iter().filter(|wish| wish.ticked == ticked);
    let names: Vec<String> = wishes.map(|wish| wish.address.clone()).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let checked = conversions::pre_check(work, to, &names, &[]).await?;
    Ok(names.into_iter().zip(checked).collect())
}

/// The plans of each tenant, read once.
#[derive(Default)]
struct Sold(BTreeMap<uuid::Uuid, Vec<Plan>>);

impl Sold {
    async fn of(
        &mut self,
        work: &Work<ViewService>,
        tenant: TenantId,
    ) -> Result<&[Plan], AppError> {
        Ok(match self.0.entry(tenant.0) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(entry) => entry.insert(plans::list(work, tenant).await?),
        })
    }
}

/// The seats for what would be made and brought back: they compete, first come first served.
#[derive(Default)]
struct Wanted {
    needed: BTreeMap<(uuid::Uuid, uuid::Uuid), Option<Needed>>,
    promised: Promised,
}

impl Wanted {
    /// The line, or that there is no seat for it.
    async fn look(
        &mut self,
        work: &Work<ViewService>,
        order: &Order,
        line: Line,
        sold: &mut Sold,
    ) -> Result<Line, AppError> {
        let (tenant, mailbox, plan) = if line.offers(Choice::BringBack) {
            let mailbox = mailboxes::find(work, &line.address).await?;
            let plans = sold.of(work, mailbox.tenant).await?;
            let plan = plans.iter().find(|plan| plan.id == mailbox.plan);
            (mailbox.tenant, Some(mailbox.id), plan)
        } else if line.offers(Choice::Create) {
            let tenant = work.tenant().id;
            let usual = |plan: &&Plan| plan.is_default && plan.kind == order.kind;
            (
                tenant,
                None,
                sold.of(work, tenant).await?.iter().find(usual),
            )
        } else {
            return Ok(line);
        };
        let Some(plan) = plan else {
            return Ok(line);
        };
        let needed = match self.needed.entry((tenant.0, plan.id.0)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(entry) => entry.insert(seats::needed(work, tenant, plan).await?),
        };
        let who = mailbox.unwrap_or_else(MailboxId::new);
        Ok(match needed {
            Some(needed) if !self.promised.promise(needed, who) => {
                let why = no_seat(needed, &line.address, mailbox.is_some());
                line.refuse(why)
            }
            _ => line,
        })
    }
}

/// Why there is no seat for a mailbox that would come back or be made.
fn no_seat(needed: &Needed, address: &str, comes_back: bool) -> String {
    let none = &needed.refusal;
    match (needed.left, comes_back) {
        (0, true) => none.to_bring_back(address),
        (0, false) => none.sentence(),
        (left, _) => format!(
            "Left for {} are {left} seats of {}, and those before {address} take them. Choose \
             fewer, or ask whoever gives {} its seats for more.",
            none.tenant, none.plan, none.tenant
        ),
    }
}

async fn line(
    cx: &Cx<ViewService>,
    work: &Work<ViewService>,
    order: &Order,
    wish: &Wish,
    check: Option<&PreCheck>,
    sold: &mut Sold,
) -> Result<Line, AppError> {
    let line = Line::new(wish);
    let slug = cx.tenant().slug.as_str();
    match mailboxes::find(work, &wish.address).await {
        Ok(mailbox) => {
            let plans = sold.of(work, mailbox.tenant).await?;
            Ok(of_mailbox(cx, order, line, &mailbox, check, plans))
        }
        Err(AppError::NotFound(_)) if wish.ticked => match users::find(work, &wish.address).await {
            Ok(user) => Ok(of_user(cx, order, line, &user)),
            Err(AppError::NotFound(_)) => Ok(line.left_out(gone(&wish.address))),
            Err(other) => Err(other),
        },
        Err(AppError::NotFound(_)) => Ok(line.left_out(gone(&wish.address))),
        Err(other) => Err(other),
    }
    .map(|mut line| {
        if line.href.is_empty() && !line.choices.is_empty() {
            line.href = urls::user(slug, &line.address);
        }
        line
    })
}

fn gone(address: &str) -> String {
    format!("{address} is not here any more. Somebody removed it since the list was drawn.")
}

fn of_user(cx: &Cx<ViewService>, order: &Order, mut line: Line, user: &User) -> Line {
    line.name.clone_from(&user.display_name);
    let kind = order.kind.label();
    if cx.tenant().kind != TenantKind::Customer {
        line.href = urls::with_everybody(user.tenant_slug.as_str(), &line.address);
        return line.left_out(format!(
            "A new mailbox belongs to the customer {}. Open the customer and tick it there.",
            user.tenant_slug
        ));
    }
    line.group = Group::Ready;
    line.how = format!("an empty {kind} mailbox is made");
    line.notes
        .push("There is no mailbox yet; the password is the user’s own.".to_owned());
    line.offer(order, vec![(Choice::Create, "Create".to_owned())])
}

fn of_mailbox(
    cx: &Cx<ViewService>,
    order: &Order,
    mut line: Line,
    mailbox: &Mailbox,
    check: Option<&PreCheck>,
    plans: &[Plan],
) -> Line {
    line.name.clone_from(&mailbox.display_name);
    line.href = urls::mailbox(&cx.tenant().slug, &mailbox.address);
    line.bytes = mailbox.used_bytes.unsigned_abs();
    line.messages = mailbox.messages.unsigned_abs();
    let address = &mailbox.address;
    match (line.ticked, mailbox.retained_at) {
        (true, Some(at)) => bring_back(cx, order, line, mailbox, at),
        (false, Some(_)) => line.left_out(format!(
            "{address} was taken away meanwhile and is kept. There is nothing left to do."
        )),
        (false, None) if mailbox.kind != order.kind => line.left_out(format!(
            "{address} was converted to {} meanwhile. There is nothing left to do.",
            mailbox.kind.label()
        )),
        _ => convert(cx, order, line, mailbox, check, plans),
    }
}

fn bring_back(
    cx: &Cx<ViewService>,
    order: &Order,
    mut line: Line,
    mailbox: &Mailbox,
    at: DateTime<Utc>,
) -> Line {
    if mailbox.purge_asked {
        return line.left_out(format!(
            "{} is being destroyed and cannot be brought back.",
            mailbox.address
        ));
    }
    line.how = format!("comes back as {}", mailbox.kind.label());
    line.notes.push(format!(
        "Kept since {}; it comes back whole.",
        date(at, cx.now())
    ));
    line.group = Group::Ready;
    if mailbox.kind != order.kind {
        line.group = Group::Attention;
        line.warnings.push(format!(
            "It was {}, and comes back as that. Tick it once more then to convert it to {}.",
            mailbox.kind.label(),
            order.kind.label()
        ));
    }
    line.offer(order, vec![(Choice::BringBack, "Bring back".to_owned())])
}

fn convert(
    cx: &Cx<ViewService>,
    order: &Order,
    mut line: Line,
    mailbox: &Mailbox,
    check: Option<&PreCheck>,
    plans: &[Plan],
) -> Line {
    let Some(check) = check else {
        return line.left_out("It could not be looked at. Go back and proceed again.");
    };
    if let Some(why) = check.why_not() {
        return line.left_out(why);
    }
    let server = &mailbox.server_name;
    line.how = match check.way {
        Some(Way::Move) => {
            let to = check.server.as_deref().unwrap_or("another server");
            let with = if check.calendars_move {
                ", with its calendars and contacts"
            } else {
                ""
            };
            format!(
                "moves from {server} to {to}{with}, in use until its doors are shut for a moment"
            )
        }
        _ => format!("in place on {server}"),
    };
    told_of_closing(&mut line, &check.closes, cx.now());
    line.group = if line.warnings.is_empty() {
        Group::Ready
    } else {
        Group::Attention
    };
    line.to = Some(mailbox.kind.other());
    let target = check.plan_to.as_deref().and_then(|slug| plan(plans, slug));
    line.may_keep = target.map_or_else(Vec::new, |target| {
        let allowed = target.allowed.and(target.kind.allows());
        let closing = check.closes.iter().map(|closing| closing.protocol);
        closing.filter(|protocol| allowed.has(*protocol)).collect()
    });
    line.plan = format!(
        "{} to {}",
        priced(plans, &check.plan_from, check.price_codes.0.as_deref()),
        check.plan_to.as_deref().map_or_else(String::new, |slug| {
            priced(plans, slug, check.price_codes.1.as_deref())
        })
    );
    line.check = Some(check.clone());
    let mut choices = vec![(Choice::Convert, "Convert, keep all mail".to_owned())];
    if !line.ticked {
        let days = plan(plans, mailbox.plan_slug.as_str()).map_or(30, |plan| plan.retention_days);
        choices.push((Choice::TakeAway, format!("Take away, kept {days} days")));
    }
    line.offer(order, choices)
}

fn plan<'a>(plans: &'a [Plan], slug: &str) -> Option<&'a Plan> {
    plans.iter().find(|plan| plan.slug.as_str() == slug)
}

fn priced(plans: &[Plan], slug: &str, code: Option<&str>) -> String {
    let name = plan(plans, slug).map_or(slug, |plan| plan.name.as_str());
    code.map_or_else(|| name.to_owned(), |code| format!("{name} ({code})"))
}

/// Who would miss what closes, and what nobody would.
fn told_of_closing(line: &mut Line, closes: &[Closing], now: DateTime<Utc>) {
    let (used, idle): (Vec<_>, Vec<_>) = closes.iter().partition(|c| lately(c, now));
    for closing in used {
        if let Some(at) = closing.last_used_at {
            let label = closing.protocol.label();
            line.warnings
                .push(format!("{label} closes and was used {}.", since(at, now)));
        }
    }
    let idle: Vec<_> = idle
        .iter()
        .map(|closing| closing.protocol.label())
        .collect();
    if !idle.is_empty() {
        line.notes
            .push(format!("{} not used in {LATELY} days.", idle.join(" and ")));
    }
}

fn lately(closing: &Closing, now: DateTime<Utc>) -> bool {
    closing
        .last_used_at
        .is_some_and(|at| now - at < TimeDelta::days(LATELY))
}

/// A protocol that closes on some of the mailboxes.
pub struct Closes {
    pub protocol: Protocol,
    pub note: String,
    /// Whether the target allows it, so that it may stay open for a while.
    pub may_keep: bool,
}

/// What closes on all of them together.
#[must_use]
pub fn closes(lines: &[Line], _: &Order, now: DateTime<Utc>) -> Vec<Closes> {
    let each = |protocol: Protocol| {
        let closing: Vec<&Closing> = checks_of(lines)
            .flat_map(|check| &check.closes)
            .filter(|closing| closing.protocol == protocol)
            .collect();
        if closing.is_empty() {
            return None;
        }
        let used = closing
            .iter()
            .filter(|closing| lately(closing, now))
            .count();
        let last = closing
            .iter()
            .filter_map(|closing| closing.last_used_at)
            .max();
        let note = match (used, last) {
            (0, _) => format!("nobody used it in {LATELY} days"),
            (n, Some(at)) => format!("{n} used it lately, last {}", since(at, now)),
            (n, None) => format!("{n} used it lately"),
        };
        let affected = |line: &&Line| {
            line.check
                .as_ref()
                .is_some_and(|check| check.closes.iter().any(|c| c.protocol == protocol))
        };
        let may_keep = lines
            .iter()
            .filter(affected)
            .all(|line| line.may_keep.contains(&protocol));
        Some(Closes {
            protocol,
            note,
            may_keep,
        })
    };
    Protocol::ALL.into_iter().filter_map(each).collect()
}

/// What opens on at least one of them.
#[must_use]
pub fn opens(lines: &[Line]) -> Vec<Protocol> {
    let opens = |protocol: &Protocol| checks_of(lines).any(|check| check.opens.contains(protocol));
    Protocol::ALL.into_iter().filter(opens).collect()
}

/// What somebody used lately and may keep for a while: proposed, not decided.
#[must_use]
pub fn worth_keeping(lines: &[Line], now: DateTime<Utc>) -> Vec<Protocol> {
    let worth = |protocol: &Protocol| {
        lines.iter().any(|line| {
            let used = line.check.as_ref().is_some_and(|check| {
                check
                    .closes
                    .iter()
                    .any(|closing| closing.protocol == *protocol && lately(closing, now))
            });
            used && line.may_keep.contains(protocol)
        })
    };
    Protocol::ALL.into_iter().filter(worth).collect()
}

/// Each change of plan and price code, with how many have it.
#[must_use]
pub fn plans(lines: &[Line]) -> Vec<String> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.plan.is_empty()) {
        *counted.entry(&line.plan).or_default() += 1;
    }
    let one = counted.len() == 1;
    let said = counted.into_iter().map(|(plan, count)| match (one, count) {
        (true, _) => plan.to_owned(),
        (false, n) => format!("{n} × {plan}"),
    });
    said.collect()
}

fn checks_of(lines: &[Line]) -> impl Iterator<Item = &PreCheck> {
    lines.iter().filter_map(|line| line.check.as_ref())
}

/// The lines under their heads, worst first.
#[must_use]
pub fn grouped(lines: Vec<Line>) -> Vec<(Group, Vec<Line>)> {
    let mut groups: BTreeMap<Group, Vec<Line>> = BTreeMap::new();
    for line in lines {
        groups.entry(line.group).or_default().push(line);
    }
    groups.into_iter().collect()
}
