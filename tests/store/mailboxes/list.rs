//! Lists: filters, pages, figures.
use std::collections::BTreeSet;

use chrono::TimeDelta;
use pilothouse::app::mailboxes::{self, MailboxFilter, TabCounts};
use pilothouse::authz::{RemoveMailboxes, ViewMailboxes};
use pilothouse::domain::{Kind, MailboxState, PageRequest};

use crate::hosting::{Hosting, POP_IMAP};

async fn addresses(hosting: &Hosting, tenant: &str, filter: &MailboxFilter) -> Vec<String> {
    let work = hosting.work::<ViewMailboxes>(tenant).await;
    let page = mailboxes::list(&work, filter, &PageRequest::first())
        .await
        .unwrap();
    assert_eq!(page.total, page.items.len() as u64);
    let mut found: Vec<_> = page
        .items
        .iter()
        .map(|one| one.address.to_string())
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn a_list_covers_the_tenant_and_all_below_and_nothing_else() {
    let hosting = Hosting::new().await;
    for (tenant, address) in [
        ("acme", "a@acme.test"),
        ("globex", "b@globex.test"),
        ("oz", "c@oz.test"),
    ] {
        hosting.mailbox(tenant, address, Kind::PopImap).await;
    }
    let all = MailboxFilter::default();
    let (a, b, c) = ("a@acme.test", "b@globex.test", "c@oz.test");
    assert_eq!(addresses(&hosting, "acme", &all).await, [a]);
    assert_eq!(addresses(&hosting, "quayside", &all).await, [a, b]);
    assert_eq!(addresses(&hosting, "harbour", &all).await, [c]);
    assert_eq!(addresses(&hosting, "platform", &all).await, [a, b, c]);
    let foreign = MailboxFilter {
        domain: Some("oz.test".to_owned()),
        ..MailboxFilter::default()
    };
    assert!(addresses(&hosting, "acme", &foreign).await.is_empty());
    let foreign = MailboxFilter {
        user: Some(c.to_owned()),
        ..MailboxFilter::default()
    };
    assert!(addresses(&hosting, "acme", &foreign).await.is_empty());
    assert_eq!(addresses(&hosting, "platform", &foreign).await, [c]);
}

#[expect(clippy::too_many_lines, reason = "one filter after the other")]
#[tokio::test]
async fn each_filter_shows_what_it_says() {
    let hosting = Hosting::new().await;
    hosting.server("mail-2", POP_IMAP).await;
    hosting.domain("acme", "second.test").await;
    let (a, b, c, d) = ("a@acme.test", "b@acme.test", "c@second.test", "d@acme.test");
    let a_row = hosting.mailbox("acme", a, Kind::PopImap).await;
    hosting.mailbox("acme", b, Kind::Exchange).await;
    hosting.shared("acme", c).await.unwrap();
    hosting.mailbox("acme", d, Kind::PopImap).await;
    hosting.settle().await;
    let now = hosting.world.clock.now();
    let day = TimeDelta::days(1);
    hosting
        .set(a, &format!("last_used_at = '{}'", now.to_rfc3339()))
        .await;
    hosting
        .set(
            b,
            &format!("last_used_at = '{}'", (now - day * 40).to_rfc3339()),
        )
        .await;
    hosting
        .set(
            b,
            &format!("drift_at = '{}', drift = '[]'", now.to_rfc3339()),
        )
        .await;
    hosting.set(a, "state = 'failed'").await;
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, d).await.unwrap();
    let none = MailboxFilter::default;
    let cases: [(&str, MailboxFilter, &[&str]); 14] = [
        ("nothing", none(), &[a, b, c]),
        (
            "kind",
            MailboxFilter {
                kind: Some(Kind::Exchange),
                ..none()
            },
            &[b],
        ),
        (
            "state",
            MailboxFilter {
                state: Some(MailboxState::Failed),
                ..none()
            },
            &[a],
        ),
        (
            "kept",
            MailboxFilter {
                state: Some(MailboxState::Retained),
                ..none()
            },
            &[d],
        ),
        (
            "with kept",
            MailboxFilter {
                retained: true,
                ..none()
            },
            &[a, b, d, c],
        ),
        (
            "domain",
            MailboxFilter {
                domain: Some("Second.test".into()),
                ..none()
            },
            &[c],
        ),
        (
            "user",
            MailboxFilter {
                user: Some("A@acme.test".into()),
                ..none()
            },
            &[a],
        ),
        (
            "user id",
            MailboxFilter {
                user: Some(a_row.user.unwrap().to_string()),
                ..none()
            },
            &[a],
        ),
        (
            "server",
            MailboxFilter {
                server: Some("mail-2".into()),
                ..none()
            },
            &[a, c],
        ),
        (
            "used",
            MailboxFilter {
                used_since: Some(now - day),
                ..none()
            },
            &[a],
        ),
        (
            "unused",
            MailboxFilter {
                unused_since: Some(now - day),
                ..none()
            },
            &[b, c],
        ),
        (
            "changed",
            MailboxFilter {
                drifted: true,
                ..none()
            },
            &[b],
        ),
        (
            "name",
            MailboxFilter {
                q: Some("NAME of B".into()),
                ..none()
            },
            &[b],
        ),
        (
            "blank",
            MailboxFilter {
                q: Some("  ".into()),
                ..none()
            },
            &[a, b, c],
        ),
    ];
    for (what, filter, expected) in cases {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(
            addresses(&hosting, "acme", &filter).await,
            expected,
            "{what}"
        );
    }
}

#[tokio::test]
async fn what_is_searched_for_means_itself() {
    let hosting = Hosting::new().await;
    let names = [
        "a_b@acme.test",
        "axb@acme.test",
        "100%@acme.test",
        "1000@acme.test",
    ];
    // `%` cannot stand in an address, but it can in a name.
    hosting.mailbox("acme", names[0], Kind::PopImap).await;
    hosting.mailbox("acme", names[1], Kind::PopImap).await;
    let renamed = hosting.mailbox("acme", "p@acme.test", Kind::PopImap).await;
    hosting.mailbox("acme", names[3], Kind::PopImap).await;
    let work = hosting
        .work::<pilothouse::authz::EditMailboxes>("acme")
        .await;
    let change = mailboxes::MailboxChange {
        display_name: Some(r"100% Übung\".to_owned()),
        ..Default::default()
    };
    mailboxes::update(work, &renamed.id.to_string(), change, None)
        .await
        .unwrap();
    let p = "p@acme.test";
    let cases: [(&str, &[&str]); 7] = [
        ("a_b", &[names[0]]),
        ("100%", &[p]),
        ("%", &[p]),
        (r"\", &[p]),
        ("übung", &[p]),
        ("ÜBUNG", &[p]),
        ("'; DROP TABLE mailboxes; --", &[]),
    ];
    for (q, expected) in cases {
        let filter = MailboxFilter {
            q: Some(q.to_owned()),
            ..MailboxFilter::default()
        };
        assert_eq!(addresses(&hosting, "acme", &filter).await, expected, "{q}");
    }
}

#[tokio::test]
async fn a_walk_over_the_pages_meets_every_row_once_while_others_are_added() {
    let hosting = Hosting::new().await;
    let mut there = BTreeSet::new();
    for n in 0..23 {
        let address = format!("m{n:02}@acme.test");
        hosting.shared("acme", &address).await.unwrap();
        there.insert(address);
    }
    let mut page = PageRequest {
        limit: 5,
        after: None,
    };
    let mut walked = vec![];
    for turn in 0.. {
        let work = hosting.work::<ViewMailboxes>("acme").await;
        let read = mailboxes::list(&work, &MailboxFilter::default(), &page)
            .await
            .unwrap();
        drop(work);
        assert!(read.items.len() <= 5);
        walked.extend(read.items.iter().map(|one| one.address.to_string()));
        // One before the place of the walk and one behind it.
        hosting
            .shared("acme", &format!("a{turn}@acme.test"))
            .await
            .unwrap();
        hosting
            .shared("acme", &format!("z{turn}@acme.test"))
            .await
            .unwrap();
        let Some(next) = read.next.filter(|_| turn < 40) else {
            break;
        };
        page.after = Some(next);
    }
    let met: BTreeSet<_> = walked.iter().cloned().collect();
    assert_eq!(met.len(), walked.len(), "none twice");
    assert!(met.is_superset(&there), "none left out");
}

#[tokio::test]
async fn the_tabs_count_what_they_show() {
    let hosting = Hosting::new().await;
    hosting.mailbox("acme", "a@acme.test", Kind::PopImap).await;
    hosting.mailbox("acme", "b@acme.test", Kind::Exchange).await;
    hosting
        .mailbox("globex", "c@globex.test", Kind::Exchange)
        .await;
    hosting.mailbox("acme", "d@acme.test", Kind::Exchange).await;
    hosting.shared("acme", "info@acme.test").await.unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "d@acme.test").await.unwrap();
    let work = hosting.work::<ViewMailboxes>("acme").await;
    let counts = mailboxes::tab_counts(&work).await.unwrap();
    let expected = TabCounts {
        pop_imap: 2,
        exchange: 1,
        shared: 1,
        kept: 1,
    };
    assert_eq!(counts, expected);
    let work = hosting.work::<ViewMailboxes>("platform").await;
    assert_eq!(mailboxes::tab_counts(&work).await.unwrap().exchange, 2);
}
