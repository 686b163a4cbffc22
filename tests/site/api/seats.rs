//! `/plans` and `/seats`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::spawn_app;

const SEATS: &str = "/api/v1/tenants/acme/seats";
const BASIC: &str = "/api/v1/tenants/acme/seats/basic";

#[actix_web::test]
async fn plans_are_listed_page_by_page() {
    let app = spawn_app().await;
    let viewer = app.key("acme", Role::Viewer).await;
    let path = "/api/v1/tenants/acme/plans";
    let first = viewer.get(&format!("{path}?limit=1")).await.json();
    assert_eq!(first["total"], 2);
    let basic = &first["items"][0];
    assert_eq!(
        (&basic["slug"], &basic["kind"], &basic["inherited"]),
        (&json!("basic"), &json!("pop_imap"), &json!(true))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = viewer.get(&format!("{path}?limit=1&cursor={cursor}")).await;
    assert_eq!(next.json()["items"][0]["slug"], "exchange");
    assert_eq!(next.json()["next_cursor"], Value::Null);
    let platform = app.key("platform", Role::Viewer).await;
    let own = platform.get("/api/v1/tenants/platform/plans").await.json();
    assert_eq!(own["items"][0]["inherited"], false);
}

#[actix_web::test]
async fn a_limit_is_set_read_and_taken_away_from_above() {
    let app = spawn_app().await;
    let owner = app.acme_with(&["ann", "bob"]).await;
    let above = app.key("quayside", Role::Admin).await;
    let before = owner.get(BASIC).await;
    assert_eq!(before.json()["limit"], Value::Null, "{}", before.text);
    assert_eq!(before.json()["used"], 2);
    assert_eq!(before.json()["left"], Value::Null);
    let own = owner.put(BASIC, json!({"limit": 5})).await;
    own.is_problem(403);
    assert!(
        own.text.contains("Acme cannot give itself seats"),
        "{}",
        own.text
    );
    owner.delete(BASIC).await.is_problem(403);
    let would_be = above
        .put(&format!("{BASIC}?dry_run=true"), json!({"limit": 5}))
        .await;
    assert_eq!(
        (would_be.status, &would_be.json()["left"]),
        (200, &json!(3))
    );
    assert_eq!(owner.get(BASIC).await.text, before.text);
    let set = above.put(BASIC, json!({"limit": 5})).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(
        (
            &set.json()["limit"],
            &set.json()["left"],
            &set.json()["inherited"]
        ),
        (&json!(5), &json!(3), &json!(false))
    );
    let by_id = format!("{SEATS}/{}", set.json()["plan_id"].as_str().unwrap());
    let read = owner.get(&by_id).await;
    assert_eq!(read.json(), set.json());
    assert_eq!(read.header("etag"), set.header("etag"));
    let known = owner.with("if-none-match", read.header("etag"));
    assert_eq!(known.get(BASIC).await.status, 304);
    let stale = above.with("if-match", before.header("etag"));
    stale.put(BASIC, json!({"limit": 6})).await.is_problem(412);
    stale.delete(BASIC).await.is_problem(412);
    let fresh = above.with("if-match", read.header("etag"));
    assert_eq!(fresh.put(BASIC, json!({"limit": 6})).await.status, 200);
    let list = owner.get(&format!("{SEATS}?limit=1")).await.json();
    assert_eq!(
        (&list["items"][0]["limit"], &list["total"]),
        (&json!(6), &json!(2))
    );
    for (body, detail) in [
        (json!({"limit": 1}), "2 mailboxes of Basic exist at Acme"),
        (json!({"limit": -1}), ""),
        (json!({"limit": 1.5}), ""),
        (json!({"limit": 10_000_000_000_u64}), "from 0 to 1000000000"),
        (json!({}), "It is required"),
    ] {
        let refused = above.put(BASIC, body.clone()).await;
        assert_eq!(refused.is_problem(422).pointer(), "/limit", "{body}");
        assert!(refused.text.contains(detail), "{}", refused.text);
    }
    let would_go = above.delete(&format!("{BASIC}?dry_run=true")).await;
    assert_eq!(
        (would_go.status, &would_go.json()["limit"]),
        (200, &json!(null))
    );
    for _ in 0..2 {
        assert_eq!(above.delete(BASIC).await.status, 204);
    }
    assert_eq!(owner.get(BASIC).await.json()["limit"], Value::Null);
    let null = above.put(BASIC, json!({"limit": null})).await;
    assert_eq!((null.status, &null.json()["limit"]), (200, &json!(null)));
    above.get(&format!("{SEATS}/nothing")).await.is_problem(404);
    above
        .put(&format!("{SEATS}/nothing"), json!({"limit": 1}))
        .await
        .is_problem(404);
    let support = app.key("quayside", Role::Support).await;
    support
        .put(BASIC, json!({"limit": 9}))
        .await
        .is_problem(403);
    let stranger = app.key("harbour", Role::Owner).await;
    stranger
        .put(BASIC, json!({"limit": 9}))
        .await
        .is_problem(404);
}

#[actix_web::test]
async fn what_needs_a_seat_and_finds_none_says_so_where_it_was_asked() {
    let app = spawn_app().await;
    let owner = app.acme_with(&["ann"]).await;
    let above = app.key("quayside", Role::Owner).await;
    above.put(BASIC, json!({"limit": 1})).await;
    let exchange = format!("{SEATS}/exchange");
    above.put(&exchange, json!({"limit": 0})).await;
    let user = json!({"address": "bob@acme.test", "display_name": "Bob", "password": "correct horse battery",
                      "mailbox": {"kind": "pop_imap"}});
    let refused = owner.post("/api/v1/tenants/acme/users", user).await;
    assert_eq!(refused.is_problem(422).pointer(), "/mailbox/plan");
    assert!(
        refused.text.contains("Acme has one seat of Basic"),
        "{}",
        refused.text
    );
    let shared = json!({"address": "sales@acme.test", "kind": "pop_imap", "display_name": "Sales"});
    let refused = owner.post("/api/v1/tenants/acme/mailboxes", shared).await;
    assert_eq!(refused.is_problem(422).pointer(), "/plan");
    let batch = json!({"to": "exchange", "mailboxes": ["ann@acme.test"]});
    let path = "/api/v1/tenants/acme/conversions";
    let checked = owner
        .post(&format!("{path}?dry_run=true"), batch.clone())
        .await;
    assert_eq!(checked.json()["items"][0]["blockers"][0]["code"], "no_seat");
    let refused = owner.post(path, batch).await;
    assert_eq!(refused.is_problem(422).pointer(), "/mailboxes/0");
    let ann = "/api/v1/tenants/acme/mailboxes/ann@acme.test";
    assert_eq!(owner.delete(ann).await.status, 200);
    above.put(BASIC, json!({"limit": 0})).await;
    let back = owner.post(&format!("{ann}/restorations"), json!({})).await;
    back.is_problem(409);
    assert_eq!(back.json()["type"], "/problems/no-seat");
}
