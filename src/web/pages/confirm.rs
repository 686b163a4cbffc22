//! Between *Proceed* and *Confirm*: what each change of a page of ticks would do, what stands in its
//! way, and what one chooses. Nothing happens before *Confirm*, and then everything is looked at
//! once more: a form that has grown stale shows its problem again and does no harm.
mod carry_out;
mod line;
mod order;
mod when;

pub use self::when::When;

use actix_web::{HttpResponse, web};
use askama::Template;

use self::line::{Group, Line};
use self::order::Order;
use crate::authz::{ChangeService, ViewService};
use crate::domain::{Kind, Protocol};
use crate::store::Cx;
use crate::web::cx::Person;
use crate::web::error::Problem;
use crate::web::filters::{size, thousands};
use crate::web::frame;
use crate::web::nav::Section;
use crate::web::parts::{Part, Parts};
use crate::web::shell::{Crumb, Shell, Tone};
use crate::web::urls;

/// A form as it came: names may stand in it many times.
type Pairs = web::Form<Vec<(String, String)>>;

#[derive(Template)]
#[template(path = "confirm/index.html")]
struct Confirm {
    shell: Shell,
    order: Order,
    /// What went wrong with the form as a whole; empty when nothing did.
    said: String,
    groups: Vec<(Group, Vec<Line>)>,
    parts: Parts,
    mail: String,
    plans: Vec<String>,
    opens: Vec<Protocol>,
    /// What closes, the last use, and whether it may be kept open for a while.
    closes: Vec<line::Closes>,
    converts: usize,
    /// One that is converted, for a look at what it would be told.
    sample: Option<(String, Kind)>,
    going: usize,
    back: String,
    zone: String,
}

impl Confirm {
    fn new(person: &Person, cx: &Cx<ViewService>, order: Order, lines: Vec<Line>) -> Self {
        let going = lines.iter().filter(|line| line.goes()).count();
        let converts = lines.iter().filter(|line| line.converts()).count();
        let sample = lines.iter().find(|line| line.converts());
        let sample = sample.and_then(|line| Some((line.address.clone(), line.to?)));
        let mut shell = person.shell(cx, title(going, &lines), Section::Mailboxes);
        let slug = shell.tenant.slug.clone();
        let back = order.back(&slug);
        shell.breadcrumbs.push(Crumb {
            label: "Mailboxes".to_owned(),
            href: Some(back.clone()),
        });
        shell.breadcrumbs.push(Crumb {
            label: "Confirm".to_owned(),
            href: None,
        });
        let bytes: u64 = lines.iter().map(|line| line.bytes).sum();
        let messages: u64 = lines.iter().map(|line| line.messages).sum();
        Self {
            parts: parts(&lines),
            mail: format!("{}, {} messages", size(bytes), thousands(messages)),
            plans: line::plans(&lines),
            opens: line::opens(&lines),
            closes: line::closes(&lines, &order, cx.now()),
            groups: line::grouped(lines),
            shell,
            order,
            said: String::new(),
            converts,
            sample,
            going,
            back,
            zone: cx.tenant().time_zone.clone(),
        }
    }

    fn zone_hint(&self) -> String {
        format!(
            "By the clock of {}; taking away, bringing back and creating happen at once.",
            self.zone
        )
    }

    fn button(&self) -> String {
        format!("Confirm {}", changes(self.going))
    }

    fn preview(&self, moment: &str) -> String {
        let sample = self.sample.as_ref();
        sample.map_or_else(String::new, |(address, to)| {
            super::messages::preview_href(&self.shell.tenant.slug, address, *to, moment)
        })
    }

    fn going(&self) -> String {
        changes(self.going)
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "templates pass by reference"
    )]
    fn kept_open(&self, protocol: &Protocol) -> bool {
        self.order.keep.contains(protocol)
    }
}

fn changes(count: usize) -> String {
    match count {
        1 => "1 change".to_owned(),
        n => format!("{} changes", thousands(n as u64)),
    }
}

fn title(going: usize, lines: &[Line]) -> String {
    let to: Vec<Kind> = lines.iter().filter_map(|line| line.to).collect();
    match (going, to.first()) {
        (1, Some(kind)) if to.len() == 1 => format!("Confirm: 1 mailbox to {}", kind.label()),
        (n, Some(kind)) if to.len() == n && to.iter().all(|other| other == kind) => {
            format!("Confirm: {n} mailboxes to {}", kind.label())
        }
        (n, _) => format!("Confirm: {}", changes(n)),
    }
}

fn parts(lines: &[Line]) -> Parts {
    let part = |group: Group, tone, noun: &str| Part {
        tone,
        count: lines.iter().filter(|line| line.group == group).count() as u64,
        noun: noun.to_owned(),
        href: format!("#{}", group.id()),
    };
    Parts(vec![
        part(Group::Ready, Tone::Good, "ready"),
        part(Group::Attention, Tone::Warn, "need attention"),
        part(Group::Blocked, Tone::Bad, "left out"),
    ])
}

/// `POST /t/{tenant}/conversions/confirmation`
pub async fn show(
    person: Person,
    cx: Cx<ChangeService>,
    form: Pairs,
) -> Result<HttpResponse, Problem> {
    let mut order = Order::read(&form);
    if order.wishes.is_empty() {
        let back = order.back(cx.tenant().slug.as_str());
        return Ok(person.refused(
            back,
            "No tick was changed, so there is nothing to confirm. Change one and proceed.",
        ));
    }
    let cx = cx.narrow::<ViewService>();
    let lines = line::look(&cx, &order).await?;
    order.keep = line::worth_keeping(&lines, cx.now());
    person.page(&Confirm::new(&person, &cx, order, lines))
}

/// `POST /t/{tenant}/conversions`: *Confirm*.
pub async fn confirm(
    person: Person,
    cx: Cx<ChangeService>,
    form: Pairs,
) -> Result<HttpResponse, Problem> {
    let order = Order::read(&form);
    let seen = cx.narrow::<ViewService>();
    let lines = line::look(&seen, &order).await?;
    match carry_out::carry_out(&cx, &order, &lines).await? {
        carry_out::Outcome::Refused(said) => {
            let mut page = Confirm::new(&person, &seen, order, lines);
            page.said = said;
            frame::form_again(&page)
        }
        carry_out::Outcome::Done(done) => {
            let slug = cx.tenant().slug.as_str();
            let to = match done.batches[..] {
                [batch] => urls::conversion(slug, batch),
                [_, ..] => urls::conversions(slug),
                [] => order.back(slug),
            };
            if done.troubles.is_empty() {
                Ok(person.done(to, done.said))
            } else {
                Ok(person.refused(to, format!("{} {}", done.said, done.troubles.join(" "))))
            }
        }
    }
}
