//! What the first page shows.
use pilothouse::app::overview;
use pilothouse::authz::{RemoveMailboxes, ViewMailboxes};
use pilothouse::domain::Kind;

use crate::hosting::Hosting;

#[tokio::test]
async fn the_first_page_counts_what_is_below_and_names_what_needs_somebody() {
    let hosting = Hosting::new().await;
    for (tenant, address, kind) in [
        ("acme", "a@acme.test", Kind::PopImap),
        ("acme", "b@acme.test", Kind::Exchange),
        ("acme", "c@acme.test", Kind::Exchange),
        ("globex", "d@globex.test", Kind::PopImap),
        ("oz", "e@oz.test", Kind::PopImap),
    ] {
        hosting.mailbox(tenant, address, kind).await;
    }
    hosting.settle().await;
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    pilothouse::app::mailboxes::retain(work, "c@acme.test")
        .await
        .unwrap();
    let now = hosting.world.clock.now().to_rfc3339();
    hosting
        .set("a@acme.test", "state = 'failed', used_bytes = quota_bytes")
        .await;
    hosting
        .set("b@acme.test", &format!("drift = '[]', drift_at = '{now}'"))
        .await;
    hosting
        .set("b@acme.test", "used_bytes = quota_bytes / 10 * 9")
        .await;
    hosting
        .set("d@globex.test", "used_bytes = quota_bytes / 100 * 95")
        .await;
    hosting
        .sql("UPDATE domains SET vouched = FALSE WHERE name IN ('globex.test', 'oz.test')")
        .await;
    let work = hosting.work::<ViewMailboxes>("quayside").await;
    let shown = overview::show(&work).await.unwrap();
    assert_eq!((shown.tenants, shown.domains, shown.users), (2, 2, 4));
    assert_eq!((shown.pop_imap, shown.exchange, shown.kept), (2, 1, 1));
    let used = (10_i64 << 30) + ((25_i64 << 30) / 10 * 9) + ((10_i64 << 30) / 100 * 95);
    assert_eq!(shown.used_bytes, used);
    let addresses = |all: &[pilothouse::domain::Mailbox]| {
        all.iter()
            .map(|one| one.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(addresses(&shown.failed_mailboxes), ["a@acme.test"]);
    assert_eq!(addresses(&shown.drifted), ["b@acme.test"]);
    assert_eq!((shown.failed_mailboxes_total, shown.drifted_total), (1, 1));
    assert_eq!(
        shown.waiting_total, 1,
        "the one that was taken away just now"
    );
    let full: Vec<_> = shown
        .nearly_full
        .iter()
        .map(|(address, ..)| address.as_str())
        .collect();
    assert_eq!(
        full,
        ["a@acme.test", "d@globex.test"],
        "nine tenths is not above nine tenths"
    );
    assert_eq!(shown.nearly_full_total, 2);
    let unproved: Vec<_> = shown.unproved.iter().map(|one| one.name.as_str()).collect();
    assert_eq!((unproved, shown.unproved_total), (vec!["globex.test"], 1));
    assert_eq!((shown.converting, shown.failed_conversions_total), (0, 0));
}
