//! `/mailboxes`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::{App, spawn_app};
use crate::people::Asker;

const PATH: &str = "/api/v1/tenants/acme/mailboxes";
const ANN: &str = "/api/v1/tenants/acme/mailboxes/ann@acme.test";

async fn with_ann(app: &App) -> Asker<'_> {
    app.domain("acme", "acme.test").await;
    let owner = app.key("acme", Role::Owner).await;
    app.user(&owner, "acme", "ann@acme.test", "pop_imap").await;
    owner
        .get_until(ANN, |mailbox| mailbox["state"] == "ready")
        .await;
    owner
}

fn switch<'a>(mailbox: &'a Value, protocol: &str) -> &'a Value {
    let all = mailbox["switches"].as_array().unwrap();
    all.iter().find(|one| one["protocol"] == protocol).unwrap()
}

#[actix_web::test]
async fn a_mailbox_says_what_is_open_and_why_the_rest_is_not() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let mailbox = owner.get(ANN).await.json();
    assert_eq!(switch(&mailbox, "imap")["open"], true);
    assert_eq!(switch(&mailbox, "imap")["why"], Value::Null);
    assert_eq!(switch(&mailbox, "activesync")["why"], "kind");
    assert_eq!(mailbox["switches"].as_array().unwrap().len(), 7);
}

#[actix_web::test]
async fn a_switch_closes_opens_and_refuses_what_the_kind_does_not_allow() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let closed = owner
        .put(&format!("{ANN}/switches/pop3"), json!({"on": false}))
        .await;
    assert_eq!(closed.status, 200, "{}", closed.text);
    assert_eq!(switch(&closed.json(), "pop3")["why"], "switch");
    let for_a_while = json!({"on": true, "until": "2026-12-07T00:00:00Z"});
    let opened = owner
        .put(&format!("{ANN}/switches/pop3"), for_a_while)
        .await
        .json();
    assert_eq!(switch(&opened, "pop3")["until"], "2026-12-07T00:00:00Z");
    owner
        .put(&format!("{ANN}/switches/activesync"), json!({"on": true}))
        .await
        .is_problem(422);
    owner
        .put(&format!("{ANN}/switches/fax"), json!({"on": true}))
        .await
        .is_problem(404);
}

#[actix_web::test]
async fn a_suspension_keeps_every_switch_and_ends() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let support = app.key("acme", Role::Support).await;
    let path = format!("{ANN}/suspension");
    let suspended = support.put(&path, json!({"reason": "Unpaid"})).await;
    assert_eq!(suspended.status, 200, "{}", suspended.text);
    assert_eq!(suspended.json()["suspension"]["reason"], "Unpaid");
    assert_eq!(switch(&suspended.json(), "imap")["why"], "suspension");
    assert_eq!(switch(&suspended.json(), "imap")["on"], true);
    assert_eq!(
        support
            .put(&path, json!({"reason": "Unpaid since May"}))
            .await
            .status,
        200
    );
    owner
        .get_until(ANN, |mailbox| mailbox["state"] == "suspended")
        .await;
    let restored = support.delete(&path).await.json();
    assert_eq!(
        (&restored["suspension"], &switch(&restored, "imap")["open"]),
        (&Value::Null, &json!(true))
    );
}

#[actix_web::test]
async fn a_mailbox_taken_away_is_kept_brought_back_and_only_an_owner_destroys_it() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let admin = app.key("acme", Role::Admin).await;
    let kept = admin.delete(ANN).await;
    assert_eq!(
        (kept.status, &kept.json()["state"]),
        (200, &json!("retained")),
        "{}",
        kept.text
    );
    assert!(!kept.json()["purge_after"].is_null());
    assert_eq!(
        admin.delete(ANN).await.status,
        200,
        "taking it away again changes nothing"
    );
    assert_eq!(
        owner.get(PATH).await.json()["total"],
        1,
        "it is still shown"
    );
    let back = admin.post(&format!("{ANN}/restorations"), json!({})).await;
    assert_eq!(back.status, 200, "{}", back.text);
    owner
        .get_until(ANN, |mailbox| mailbox["state"] == "ready")
        .await;
    admin
        .delete(&format!("{ANN}?purge=true"))
        .await
        .is_problem(403);
    let purged = owner.delete(&format!("{ANN}?purge=true")).await;
    assert_eq!(purged.status, 202, "{}", purged.text);
    for _ in 0..100 {
        if owner.get(ANN).await.status == 404 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it is still there");
}

#[actix_web::test]
async fn a_shared_mailbox_has_a_name_and_no_user() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let body =
        json!({"address": "info@acme.test", "display_name": "Front desk", "kind": "exchange"});
    let made = owner.post(PATH, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.header("location"), format!("{PATH}/info@acme.test"));
    assert_eq!(
        (&made.json()["user"], &made.json()["plan"]),
        (&Value::Null, &json!("exchange"))
    );
    let changed = owner
        .patch(
            &format!("{PATH}/info@acme.test"),
            json!({"receives": false, "quota_bytes": 2_097_152}),
        )
        .await;
    assert_eq!(
        (&changed.json()["receives"], &changed.json()["quota_bytes"]),
        (&json!(false), &json!(2_097_152))
    );
    let list = owner
        .get(&format!("{PATH}?kind=exchange&server=mail-1"))
        .await
        .json();
    assert_eq!(list["total"], 1);
    let ours = owner
        .get(&format!("{PATH}?user=ann@acme.test"))
        .await
        .json();
    assert_eq!(ours["items"][0]["address"], "ann@acme.test");
}

#[actix_web::test]
async fn a_check_is_asked_for_and_polled() {
    let app = spawn_app().await;
    let owner = with_ann(&app).await;
    let asked = owner.post(&format!("{ANN}/checks"), json!({})).await;
    assert_eq!(asked.status, 202, "{}", asked.text);
    owner
        .get_until(asked.header("location"), |check| check["state"] == "done")
        .await;
    let settings = owner.get(&format!("{ANN}/client-settings")).await.json();
    assert_eq!(settings["username"], "ann@acme.test");
}
