//! What messages to people say, as text and as HTML: pure, so that the preview on a page and the
//! message that is sent are the same bytes. Sending is in [`crate::post`], the order in
//! [`crate::engine`].
use askama::Template;
use chrono::{DateTime, Utc};

use crate::domain::mailserver::{Listener, Security};
use crate::domain::message::{Brand, Letter, Moment};
use crate::domain::{Kind, Protocol};

/// A conversion, as its owner is told of it.
#[derive(Debug, Clone)]
pub struct Told {
    /// In whose name.
    pub brand: Brand,
    /// [`Moment::Before`] or [`Moment::After`].
    pub moment: Moment,
    /// The owner's name.
    pub name: String,
    /// The mailbox.
    pub address: String,
    /// What it was.
    pub from: Kind,
    /// What it will be, or is now.
    pub to: Kind,
    /// When it begins, if not at once.
    pub when: Option<DateTime<Utc>>,
    /// What opens.
    pub opens: Vec<Protocol>,
    /// What closes.
    pub closes: Vec<Protocol>,
    /// What would close but stays open for a while.
    pub until: Vec<(Protocol, DateTime<Utc>)>,
    /// Where clients connect in the new kind, as far as it is open.
    pub listeners: Vec<Listener>,
}

/// Kept mailboxes whose time ends, as admins are told of them.
#[derive(Debug, Clone)]
pub struct Ending {
    /// In whose name.
    pub brand: Brand,
    /// The customer.
    pub tenant: String,
    /// After then they are destroyed.
    pub ends: DateTime<Utc>,
    /// Some of them.
    pub addresses: Vec<String>,
    /// How many there are beyond those.
    pub more: u64,
    /// Where they can be brought back.
    pub page: String,
}

/// Something to do, on one device.
struct Step {
    device: &'static str,
    what: Vec<String>,
    /// What to type into a client: label and value.
    settings: Vec<(&'static str, String)>,
}

struct Words {
    subject: String,
    heading: String,
    hello: String,
    lead: Vec<String>,
    steps: Vec<Step>,
    facts: Vec<(&'static str, String)>,
    /// An address and the words of its button.
    button: Option<(String, &'static str)>,
    why: String,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    brand: &'a Brand,
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    brand: &'a Brand,
    words: &'a Words,
}

/// The letter to the owner of a mailbox.
pub fn conversion(told: &Told) -> Result<Letter, askama::Error> {
    let words = match told.moment {
        Moment::After => after(told),
        Moment::Before | Moment::Retention => before(told),
    };
    written(&told.brand, &words)
}

/// The letter to the admins of a customer.
pub fn retention(ending: &Ending) -> Result<Letter, askama::Error> {
    let count = ending.addresses.len() as u64 + ending.more;
    let mailboxes = if count == 1 {
        "1 kept mailbox"
    } else {
        "kept mailboxes"
    };
    let many = if count == 1 {
        String::new()
    } else {
        format!("{count} ")
    };
    let day = day(ending.ends, &ending.brand.time_zone);
    let mut facts: Vec<_> = ending
        .addresses
        .iter()
        .map(|a| ("Mailbox", a.clone()))
        .collect();
    if ending.more > 0 {
        facts.push(("And", format!("{} more, on the page", ending.more)));
    }
    let words = Words {
        subject: format!(
            "{many}{mailboxes} of {} will be destroyed on {day}",
            ending.tenant
        ),
        heading: format!("Kept until {day}"),
        hello: "Hello,".to_owned(),
        lead: vec![
            format!(
                "these mailboxes of {} were taken away and have been kept, whole, since. The time \
                 for which they are kept ends on {day}. Then they are destroyed with every message, \
                 calendar and contact, and nobody can bring them back.",
                ending.tenant
            ),
            "If one of them is still needed, bring it back before. If not, there is nothing to do."
                .to_owned(),
        ],
        steps: vec![],
        facts,
        button: Some((ending.page.clone(), "Show the kept mailboxes")),
        why: format!("You are told because you manage {}.", ending.tenant),
    };
    written(&ending.brand, &words)
}

fn written(brand: &Brand, words: &Words) -> Result<Letter, askama::Error> {
    Ok(Letter {
        sender: brand.sender.clone(),
        subject: words.subject.clone(),
        text: Text { brand, words }.render()?,
        html: Html { brand, words }.render()?,
    })
}

fn before(told: &Told) -> Words {
    let kind = told.to.label();
    let when = told.when.map(|at| moment(at, &told.brand.time_zone));
    let begins = when.clone().map_or_else(
        || "This begins now and takes a few minutes.".to_owned(),
        |when| format!("This begins on {when} and takes a few minutes."),
    );
    let mut lead = vec![
        format!("Your mailbox {} becomes {} mailbox. {begins}", told.address, article(kind)),
        "Your address and your password stay the same, and so does every message, folder, calendar \
         and contact. Mail that arrives meanwhile is not lost. For a few seconds you cannot sign in."
            .to_owned(),
    ];
    lead.extend(closing(told));
    lead.push(
        "There is nothing to do before. When it is done, you get a message that says what to set \
         up on which device."
            .to_owned(),
    );
    let date = told.when.map_or_else(String::new, |at| {
        format!(" on {}", day(at, &told.brand.time_zone))
    });
    Words {
        subject: format!("Your mailbox becomes {} mailbox{date}", article(kind)),
        heading: format!("Your mailbox becomes {kind}"),
        hello: hello(&told.name),
        lead,
        steps: vec![],
        facts: facts(told),
        button: None,
        why: why(told),
    }
}

fn after(told: &Told) -> Words {
    let kind = told.to.label();
    let mut lead = vec![format!(
        "Your mailbox {} is {} mailbox now. Every message is where it was: each one was read before \
         and after, and compared. Your address and your password are the same.",
        told.address,
        article(kind)
    )];
    lead.extend(closing(told));
    let webmail = told
        .listeners
        .iter()
        .find(|l| l.protocol == Protocol::Webmail);
    Words {
        subject: format!("Your mailbox is {} mailbox now: what to do", article(kind)),
        heading: format!("Your mailbox is {kind} now"),
        hello: hello(&told.name),
        lead,
        steps: match told.to {
            Kind::Exchange => exchange_steps(told),
            Kind::PopImap => pop_imap_steps(told),
        },
        facts: vec![],
        button: webmail
            .and_then(|webmail| Some((webmail.url.clone()?, "Open your mail in the browser"))),
        why: why(told),
    }
}

fn exchange_steps(told: &Told) -> Vec<Step> {
    let sign_in = ("Sign in as", told.address.clone());
    let mut steps = vec![];
    if let Some(phone) = listener(told, Protocol::Activesync) {
        steps.push(Step {
            device: "iPhone, iPad or Android",
            what: vec![
                "Add an account of the kind Exchange (“Microsoft Exchange” on iPhone).".to_owned(),
                "When it asks for a server, type the one below. Leave the domain empty.".to_owned(),
                "When mail, calendar and contacts are there, remove the old account from the phone. \
                 Your mail stays on the server."
                    .to_owned(),
            ],
            settings: vec![sign_in.clone(), ("Server", phone.host.clone())],
        });
        steps.push(Step {
            device: "Outlook on Windows",
            what: vec![
                "Add an account, choose the advanced options and then Exchange ActiveSync or \
                 Exchange."
                    .to_owned(),
                "Remove the old account when the new one shows your mail.".to_owned(),
            ],
            settings: vec![sign_in.clone(), ("Server", phone.host.clone())],
        });
    }
    if let Some(imap) = listener(told, Protocol::Imap) {
        steps.push(Step {
            device: "Thunderbird, Apple Mail and other programs",
            what: vec!["A program that is set up with IMAP goes on as it is.".to_owned()],
            settings: vec![("Incoming, IMAP", place(imap))],
        });
    }
    if let Some(url) = listener(told, Protocol::Dav).and_then(|dav| dav.url.clone()) {
        steps.push(Step {
            device: "Calendars and contacts in other programs",
            what: vec!["Add a CalDAV or CardDAV account with this address.".to_owned()],
            settings: vec![sign_in, ("Address", url)],
        });
    }
    steps
}

fn pop_imap_steps(told: &Told) -> Vec<Step> {
    let mut settings = vec![("Sign in as", told.address.clone())];
    for (label, protocol) in [
        ("Incoming, IMAP", Protocol::Imap),
        ("Incoming, POP3", Protocol::Pop3),
        ("Outgoing, SMTP", Protocol::Smtp),
    ] {
        settings.extend(listener(told, protocol).map(|listener| (label, place(listener))));
    }
    vec![
        Step {
            device: "Mail programs: Outlook, Thunderbird, Apple Mail",
            what: vec![
                "A program that was set up with IMAP goes on as it is.".to_owned(),
                "Otherwise add an account of the kind IMAP with these settings. Choose IMAP, not \
                 POP, unless you know why: POP takes the mail to one device."
                    .to_owned(),
            ],
            settings: settings.clone(),
        },
        Step {
            device: "Phones",
            what: vec![
                "Remove the Exchange account: it cannot sign in any more.".to_owned(),
                "Add an account of the kind “Other”, then IMAP, with the same settings.".to_owned(),
                "Calendars and contacts are kept on the server and come back if the mailbox is \
                 Exchange again."
                    .to_owned(),
            ],
            settings,
        },
    ]
}

fn listener(told: &Told, protocol: Protocol) -> Option<&Listener> {
    told.listeners
        .iter()
        .find(|listener| listener.protocol == protocol)
}

fn place(listener: &Listener) -> String {
    let security = match listener.security {
        Security::Tls => "SSL/TLS",
        Security::Starttls => "STARTTLS",
        Security::None => "no encryption",
    };
    format!("{}, port {}, {security}", listener.host, listener.port)
}

fn facts(told: &Told) -> Vec<(&'static str, String)> {
    let mut facts = vec![("Mailbox", told.address.clone())];
    if let Some(when) = told.when {
        facts.push(("Begins", moment(when, &told.brand.time_zone)));
    }
    let names = |all: &[Protocol]| {
        let names: Vec<_> = all.iter().map(|protocol| protocol.label()).collect();
        names.join(", ")
    };
    if !told.opens.is_empty() {
        facts.push(("Opens", names(&told.opens)));
    }
    if !told.closes.is_empty() {
        facts.push(("Closes", names(&told.closes)));
    }
    facts.push(("Stays", "address, password, every message".to_owned()));
    facts
}

fn closing(told: &Told) -> Vec<String> {
    let stays = told.until.iter().map(|(protocol, until)| {
        let until = day(*until, &told.brand.time_zone);
        format!(
            "{} stays open until {until}, so that older devices have time.",
            protocol.label()
        )
    });
    stays.collect()
}

fn hello(name: &str) -> String {
    if name.trim().is_empty() {
        "Hello,".to_owned()
    } else {
        format!("Hello {},", name.trim())
    }
}

fn why(told: &Told) -> String {
    format!(
        "You are told because {} looks after {}. Questions: ask whoever manages your mail there.",
        told.brand.name, told.address
    )
}

fn article(kind: &str) -> String {
    if kind.starts_with(['A', 'E', 'I', 'O', 'U']) {
        format!("an {kind}")
    } else {
        format!("a {kind}")
    }
}

fn zone(name: &str) -> chrono_tz::Tz {
    name.parse().unwrap_or(chrono_tz::UTC)
}

fn day(at: DateTime<Utc>, zone_name: &str) -> String {
    at.with_timezone(&zone(zone_name))
        .format("%-d %B %Y")
        .to_string()
}

fn moment(at: DateTime<Utc>, zone_name: &str) -> String {
    let there = at.with_timezone(&zone(zone_name));
    there.format("%A, %-d %B %Y at %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests;
