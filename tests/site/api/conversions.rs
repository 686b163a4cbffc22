//! `/conversions`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::spawn_app;

const PATH: &str = "/api/v1/tenants/acme/conversions";

#[actix_web::test]
async fn a_batch_converts_and_leaves_a_receipt() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let start = json!({"to": "exchange", "mailboxes": ["ann@acme.test", "bob@acme.test"],
        "not_before": null, "notify_users": false,
        "keep_open": [{"protocol": "pop3", "until": "2026-12-07T00:00:00Z"}]});
    let started = admin.post(PATH, start).await;
    assert_eq!(started.status, 202, "{}", started.text);
    let batch = started.json();
    assert_eq!(
        (&batch["to"], &batch["counts"]["total"]),
        (&json!("exchange"), &json!(2))
    );
    assert_eq!(batch["items"].as_array().unwrap().len(), 2);
    let path = started.header("location").to_owned();
    let done = admin
        .get_until(&path, |batch| batch["state"] == "done")
        .await;
    assert_eq!(done["counts"]["done"], 2);
    let item = done["items"][0].clone();
    assert_eq!(
        (&item["way"], &item["state"]),
        (&json!("in_place"), &json!("done"))
    );
    let receipt = admin
        .get(&format!(
            "{path}/items/{}/receipt",
            item["id"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (&receipt["identical"], &receipt["differences"]),
        (&json!(true), &json!([]))
    );
    let few = admin.get(&format!("{path}?items=1")).await.json();
    assert_eq!(few["items"].as_array().unwrap().len(), 1);
    let all = admin
        .get(&format!("{path}/items?state=done&limit=1"))
        .await
        .json();
    assert_eq!(
        (&all["total"], all["next_cursor"].is_null()),
        (&json!(2), false)
    );
    assert_eq!(admin.get(PATH).await.json()["items"][0]["id"], batch["id"]);
    let mailbox = admin
        .get("/api/v1/tenants/acme/mailboxes/ann@acme.test")
        .await
        .json();
    assert_eq!(mailbox["kind"], "exchange");
}

#[actix_web::test]
async fn a_dry_run_is_the_pre_check() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let start = json!({"to": "exchange", "mailboxes": ["ann@acme.test", "nobody@acme.test"]});
    let answer = admin
        .post(&format!("{PATH}?dry_run=true"), start.clone())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json()["items"].clone();
    assert_eq!(
        (&items[0]["way"], &items[0]["blockers"]),
        (&json!("in_place"), &json!([]))
    );
    assert_eq!(items[0]["plan"], json!({"from": "basic", "to": "exchange"}));
    assert!(
        items[0]["opens"]
            .as_array()
            .unwrap()
            .contains(&json!("activesync"))
    );
    assert!(
        items[0]["closes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|c| c["protocol"] == "pop3")
    );
    assert!(!items[1]["blockers"].as_array().unwrap().is_empty());
    let refused = admin.post(PATH, start).await;
    assert_eq!(refused.is_problem(422).pointer(), "/mailboxes/1");
    assert_eq!(admin.get(PATH).await.json()["total"], 0);
}

#[actix_web::test]
async fn what_a_batch_is_made_of_is_checked() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    for (field, body) in [
        ("/mailboxes", json!({"to": "exchange", "mailboxes": []})),
        (
            "/mailboxes/1",
            json!({"to": "exchange", "mailboxes": ["ann@acme.test", "ANN@acme.test"]}),
        ),
        ("/to", json!({"to": "fax", "mailboxes": ["ann@acme.test"]})),
        ("/mailboxes", json!({"to": "exchange"})),
        (
            "/keep_open/0/until",
            json!({"to": "exchange", "mailboxes": ["ann@acme.test"], "keep_open": [{"protocol": "pop3"}]}),
        ),
    ] {
        assert_eq!(
            admin.post(PATH, body).await.is_problem(422).pointer(),
            field
        );
    }
}

#[actix_web::test]
async fn a_scheduled_batch_is_cancelled_before_its_time() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let start = json!({"to": "exchange", "mailboxes": ["ann@acme.test"], "not_before": "2026-12-07T00:00:00Z"});
    let started = admin.post(PATH, start).await;
    assert_eq!(started.json()["state"], "scheduled", "{}", started.text);
    let path = started.header("location").to_owned();
    let cancelled = admin.delete(&path).await;
    assert_eq!(
        (cancelled.status, &cancelled.json()["state"]),
        (200, &json!("cancelled")),
        "{}",
        cancelled.text
    );
    let mailbox = admin
        .get("/api/v1/tenants/acme/mailboxes/ann@acme.test")
        .await
        .json();
    assert_eq!(mailbox["kind"], "pop_imap");
    assert_eq!(
        admin
            .patch(&path, json!({"state": "done"}))
            .await
            .is_problem(422)
            .pointer(),
        "/state"
    );
}

#[actix_web::test]
async fn whoever_listens_hears_the_batch_until_it_is_over() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let start = json!({"to": "exchange", "mailboxes": ["ann@acme.test"]});
    let path = admin.post(PATH, start).await.header("location").to_owned();
    let stream = admin.get(&format!("{path}/events")).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let last = stream
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .next_back()
        .unwrap();
    let batch: Value = serde_json::from_str(last).unwrap();
    assert_eq!(batch["state"], "done");
    admin
        .get(&format!(
            "{PATH}/01900000-0000-7000-8000-000000000000/events"
        ))
        .await
        .is_problem(404);
    admin.get(&format!("{PATH}/no-id")).await.is_problem(404);
}

#[actix_web::test]
async fn a_batch_is_undone_while_its_time_lasts() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let both = json!({"to": "exchange", "mailboxes": ["ann@acme.test", "bob@acme.test"]});
    let started = admin.post(PATH, both).await;
    let path = started.header("location").to_owned();
    let there = admin
        .get_until(&path, |batch| batch["state"] == "done")
        .await;
    let reversals = format!("{path}/reversals");
    for (body, pointer) in [
        (json!({"mailboxes": "some"}), "/mailboxes"),
        (json!({"mailboxes": []}), "/mailboxes"),
        (json!({"mailboxes": ["nobody@acme.test"]}), "/mailboxes/0"),
        (json!({}), "/mailboxes"),
    ] {
        let refused = admin.post(&reversals, body).await;
        assert_eq!(
            refused.is_problem(422).pointer(),
            pointer,
            "{}",
            refused.text
        );
    }
    let all = json!({"mailboxes": "all"});
    let dry = admin
        .post(&format!("{reversals}?dry_run=true"), all.clone())
        .await;
    assert_eq!(
        (dry.status, dry.json()["items"].as_array().unwrap().len()),
        (200, 2)
    );
    assert_eq!(
        admin.get(PATH).await.json()["total"],
        1,
        "a dry run starts nothing"
    );

    let stranger = app.key("oz", Role::Owner).await;
    stranger.post(&reversals, all.clone()).await.is_problem(404);
    let viewer = app.key("acme", Role::Viewer).await;
    viewer.post(&reversals, all.clone()).await.is_problem(403);

    let twice = admin.with("idempotency-key", "undo-1");
    let answer = twice.post(&reversals, all.clone()).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json()["reverses"], there["id"]);
    let again = twice.post(&reversals, all.clone()).await;
    assert_eq!(
        (again.status, &again.json()["id"]),
        (202, &answer.json()["id"])
    );
    admin
        .get_until(answer.header("location"), |batch| batch["state"] == "done")
        .await;
    let undone = admin.get(&path).await.json();
    assert_eq!(undone["counts"]["undone"], 2, "{undone}");
    admin.post(&reversals, all).await.is_problem(409);
    let mailbox = admin
        .get("/api/v1/tenants/acme/mailboxes/ann@acme.test")
        .await
        .json();
    assert_eq!(mailbox["kind"], "pop_imap");
}
