//! What pages cost as a panel grows: `make bench` prints it. The test that always runs only holds
//! that a page far in begins at the right row.
mod whole;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use pilothouse::app::mailboxes::{self, MailboxFilter};
use pilothouse::app::overview;
use pilothouse::authz::ViewMailboxes;
use pilothouse::domain::{Kind, Mailbox, Page, PageRequest};

use crate::hosting::Hosting;

/// What some columns of the rows hold, as SQL in which `n` is the number of the row.
type Mould = HashMap<&'static str, String>;

/// Every third is one of the second kind.
fn of_both_kinds() -> Mould {
    let kind = "CASE WHEN n % 3 = 0 THEN 'exchange' ELSE 'pop_imap' END";
    Mould::from([("kind", kind.to_owned())])
}

/// Rows like that of `mould@acme.test`, written past all doors: what is measured is reading.
async fn fill(hosting: &Hosting, rows: usize, mould: &Mould) {
    hosting.shared("acme", "mould@acme.test").await.unwrap();
    hosting.settle().await;
    let postgres = hosting.world.database.is_postgres();
    let id = if postgres {
        "gen_random_uuid()"
    } else {
        "randomblob(16)"
    };
    let local = if postgres {
        "lpad(CAST(n AS text), 6, '0')"
    } else {
        "printf('%06d', n)"
    };
    let columns = hosting.columns("mailboxes").await;
    let values = columns.iter().map(|column| match column.as_str() {
        "id" => id.to_owned(),
        "address" => format!("'m' || {local} || '@acme.test'"),
        "search" => format!("'shared m' || {local} || '@acme.test'"),
        other => mould.get(other).cloned().unwrap_or(other.to_owned()),
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let columns = columns.join(", ");
    hosting
        .sql(&format!(
            "INSERT INTO mailboxes ({columns}) WITH RECURSIVE numbers(n) AS \
             (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) \
             SELECT {values} FROM numbers, mailboxes WHERE address = 'mould@acme.test'"
        ))
        .await;
}

async fn page(
    hosting: &Hosting,
    tenant: &str,
    filter: &MailboxFilter,
    after: Option<&str>,
) -> Page<Mailbox> {
    let work = hosting.work::<ViewMailboxes>(tenant).await;
    let request = PageRequest {
        limit: 50,
        after: after.map(|address| vec![address.to_owned()]),
    };
    mailboxes::list(&work, filter, &request).await.unwrap()
}

/// The fastest of some turns: what the work costs without what else the machine does.
async fn fastest(mut turn: impl AsyncFnMut()) -> Duration {
    let mut fastest = Duration::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        turn().await;
        fastest = fastest.min(start.elapsed());
    }
    fastest
}

#[tokio::test]
async fn a_page_far_into_ten_thousand_mailboxes_begins_where_the_one_before_ended() {
    let hosting = Hosting::new().await;
    fill(&hosting, 10_000, &of_both_kinds()).await;
    let all = MailboxFilter::default();
    let first = page(&hosting, "acme", &all, None).await;
    assert_eq!((first.items.len(), first.total), (50, 10_001));
    let far = page(&hosting, "acme", &all, Some("m009900@acme.test")).await;
    assert_eq!(far.items[0].address.as_str(), "m009901@acme.test");
}

async fn measure(rows: usize) -> Vec<(&'static str, Duration)> {
    let hosting = Hosting::new().await;
    fill(&hosting, rows, &of_both_kinds()).await;
    let all = MailboxFilter::default();
    let kind = MailboxFilter {
        kind: Some(Kind::Exchange),
        ..MailboxFilter::default()
    };
    let search = MailboxFilter {
        q: Some("m000777".to_owned()),
        ..MailboxFilter::default()
    };
    let broad = MailboxFilter {
        q: Some("shared".to_owned()),
        ..MailboxFilter::default()
    };
    let mut figures = vec![];
    for (name, tenant, filter) in [
        ("list, platform", "platform", &all),
        ("list, customer", "acme", &all),
        ("tab, platform", "platform", &kind),
        ("tab, customer", "acme", &kind),
        ("search for one, customer", "acme", &search),
        ("search for many, customer", "acme", &broad),
    ] {
        let turn = async || drop(page(&hosting, tenant, filter, None).await);
        figures.push((name, fastest(turn).await));
    }
    for (name, tenant) in [
        ("tab counts, platform", "platform"),
        ("tab counts, customer", "acme"),
    ] {
        let turn = async || {
            let work = hosting.work::<ViewMailboxes>(tenant).await;
            mailboxes::tab_counts(&work).await.unwrap();
        };
        figures.push((name, fastest(turn).await));
    }
    for (name, tenant) in [
        ("overview, platform", "platform"),
        ("overview, customer", "acme"),
    ] {
        let turn = async || {
            let work = hosting.work::<ViewMailboxes>(tenant).await;
            overview::show(&work).await.unwrap();
        };
        figures.push((name, fastest(turn).await));
    }
    figures
}

#[tokio::test]
#[ignore = "make bench runs it: it fills a database with 100,000 mailboxes"]
async fn what_pages_cost_at_a_thousand_and_at_a_hundred_thousand_mailboxes() {
    let small = measure(1_000).await;
    let large = measure(100_000).await;
    println!(
        "{:<28}{:>12}{:>12}{:>8}",
        "page", "1,000", "100,000", "ratio"
    );
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        let (small, large) = (small.as_secs_f64() * 1e3, large.as_secs_f64() * 1e3);
        println!(
            "{name:<28}{small:>9.1} ms{large:>9.1} ms{:>8.1}",
            large / small
        );
    }
}
