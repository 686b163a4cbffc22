//! Every component in every state, on one page: what the look is checked against, by eye and by
//! axe. Debug builds only; it shows samples and reads nothing.

use actix_web::{HttpResponse, http::header::ContentType, web};
use askama::Template;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::{
    domain::{Kind, Levels, Protocol, Protocols, Switches},
    web::{
        filters,
        nav::{Count, Section, navigation},
        parts::{Part, Parts},
        shell::{
            Crumb, Flash, PersonLabel, PlainShell, Shell, ShellLinks, TenantLabel, Theme, Tone,
        },
        why,
    },
};

/// `?theme=dark&brand=lantern`: without them, as the system and in the panel's own colour.
/// `?layout=plain` is what one sees before signing in.
#[derive(Debug, Default, Deserialize)]
pub struct Look {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    brand: String,
    #[serde(default)]
    layout: String,
}

#[derive(Template)]
#[template(path = "gallery/plain.html")]
struct Plain {
    shell: PlainShell,
}

#[derive(Template)]
#[template(path = "gallery/index.html")]
struct Gallery {
    shell: Shell,
    brand: String,
    brands: [(&'static str, &'static str); 6],
    icons: Vec<String>,
    exchange: Kind,
    pop_imap: Kind,
    said: Flash,
    refused: Flash,
    parts: Parts,
    open: why::Answer,
    shut: why::Answer,
    used: u64,
    messages: u64,
    lately: DateTime<Utc>,
    long_ago: DateTime<Utc>,
}

/// `GET /_gallery`
///
/// # Errors
/// When the page cannot be drawn, which is a fault in its template.
pub async fn show(look: web::Query<Look>) -> actix_web::Result<HttpResponse> {
    let page = if look.layout == "plain" {
        draw_plain(&look)
    } else {
        draw(&look)
    };
    let page = page.map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .body(page))
}

fn draw_plain(look: &Look) -> askama::Result<String> {
    let shell = PlainShell {
        title: "Sign in".to_owned(),
        brand: "Pilothouse".to_owned(),
        theme: Theme::parse(&look.theme),
        home: "#main".to_owned(),
    };
    Plain { shell }.render()
}

fn draw(look: &Look) -> askama::Result<String> {
    let now = DateTime::from_timestamp(1_795_530_700, 0).unwrap_or_default();
    let flash = |bad, text: &str| Flash {
        bad,
        text: text.to_owned(),
    };
    Gallery {
        shell: shell(look, now),
        brand: look.brand.clone(),
        brands: [
            ("", "The panel’s own"),
            ("quayside", "Quayside, #c2410c"),
            ("lantern", "Lantern, #facc15"),
            ("tern", "Tern, #7c3aed"),
            ("moss", "Moss, #4d7c0f"),
            ("slate", "Slate, #111111"),
        ],
        icons: icons(),
        exchange: Kind::Exchange,
        pop_imap: Kind::PopImap,
        said: flash(
            false,
            "Ada Holm was added. Her mailbox is being created on mail-1.",
        ),
        refused: flash(
            true,
            "Nothing was saved: mail-1 refused the change. Try again in a minute.",
        ),
        parts: parts(),
        open: why::answer(&levels(), Protocol::Imap, now),
        shut: why::answer(&levels(), Protocol::Smtp, now),
        used: 2_140_000_000,
        messages: 35_835,
        lately: now - TimeDelta::minutes(5),
        long_ago: now - TimeDelta::days(1024),
    }
    .render()
}

fn shell(look: &Look, now: DateTime<Utc>) -> Shell {
    let here = || "#main".to_owned();
    let count = |text: &str, noun: &str, tone| {
        Some(Count {
            text: text.to_owned(),
            noun: noun.to_owned(),
            tone,
        })
    };
    let crumb = |label: &str, href| Crumb {
        label: label.to_owned(),
        href,
    };
    Shell {
        title: "Gallery".to_owned(),
        brand: "Pilothouse".to_owned(),
        tenant: TenantLabel {
            slug: "alder".to_owned(),
            name: "Alder & Finch".to_owned(),
            parent: Some("Quayside Hosting".to_owned()),
        },
        person: PersonLabel {
            name: "Ines Marlow".to_owned(),
            role: "Admin, Quayside Hosting".to_owned(),
        },
        theme: Theme::parse(&look.theme),
        nav: navigation(
            [
                (Section::Overview, here(), count("5", "problems", Tone::Bad)),
                (Section::Tenants, here(), None),
                (
                    Section::Domains,
                    here(),
                    count("2", "not proved", Tone::Warn),
                ),
                (Section::Users, here(), None),
                (Section::Mailboxes, here(), None),
                (
                    Section::Conversions,
                    here(),
                    count("1", "running", Tone::Busy),
                ),
                (Section::MailServers, here(), None),
                (Section::ApiKeys, here(), None),
                (Section::Audit, here(), None),
            ],
            Some(Section::Mailboxes),
        ),
        breadcrumbs: vec![crumb("Alder & Finch", Some(here())), crumb("Gallery", None)],
        flash: None,
        links: ShellLinks {
            home: here(),
            tenants: Some(here()),
            search: Some(here()),
            theme: here(),
            sign_out: here(),
        },
        now,
    }
}

fn levels() -> Levels {
    let all = Protocols::of(&Protocol::ALL);
    Levels {
        server_offers: all,
        kind_allows: Kind::Exchange.allows(),
        plan_allows: all.without(Protocols::of(&[Protocol::Smtp])),
        tenant_suspended: false,
        domain_enabled: true,
        mailbox_suspended: false,
        converting: false,
        switches: Switches::on(all),
    }
}

fn parts() -> Parts {
    let part = |tone, count, noun: &str| Part {
        tone,
        count,
        noun: noun.to_owned(),
        href: "#g-progress".to_owned(),
    };
    Parts(vec![
        part(Tone::Good, 31, "done"),
        part(Tone::Busy, 4, "working"),
        part(Tone::Bad, 1, "failed, switched back"),
        part(Tone::Warn, 2, "need attention"),
        part(Tone::Wait, 14, "queued"),
    ])
}

/// Every drawing of the sprite, from the sprite.
fn icons() -> Vec<String> {
    let sprite = include_str!("../../../static/icons/icons.svg");
    let named = sprite.split("<symbol id=\"").skip(1);
    named
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_icon_that_a_page_shows_is_in_the_sprite() {
        let page = draw(&Look::default()).expect("the gallery draws");
        let known = icons();
        assert!(known.len() > 50, "{} icons", known.len());
        for shown in page
            .split("icons.svg#")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
        {
            assert!(known.iter().any(|name| name == shown), "no icon {shown}");
        }
    }

    #[test]
    fn no_component_carries_style_or_script_of_its_own() {
        let page = draw(&Look::default()).expect("the gallery draws");
        for forbidden in [" style=", "<style", " onclick=", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        let ours = "<script type=\"module\" src=\"/assets/";
        assert_eq!(page.matches("<script").count(), page.matches(ours).count());
    }

    #[test]
    fn no_id_is_given_twice() {
        let page = draw(&Look::default()).expect("the gallery draws");
        let mut ids: Vec<_> = page
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
