//! `/users`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::spawn_app;

const PATH: &str = "/api/v1/tenants/acme/users";

#[actix_web::test]
async fn a_user_with_a_mailbox_is_made_in_one_call_and_is_ready_soon() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    let body = json!({"address": "Ann@ACME.test", "display_name": "Ann Archer",
        "password": "correct horse battery",
        "mailbox": {"kind": "pop_imap", "plan": "basic", "quota_bytes": 1_073_741_824}});
    let made = admin.post(PATH, body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(
        made.header("location"),
        "/api/v1/tenants/acme/users/ann@acme.test"
    );
    let user = made.json();
    assert_eq!(
        (&user["address"], &user["tenant"]),
        (&json!("ann@acme.test"), &json!("acme"))
    );
    assert_eq!(user["mailbox"]["user"], user["id"]);
    assert_eq!(user["mailbox"]["kind"], "pop_imap");
    assert_eq!(user["mailbox"]["quota_bytes"], 1_073_741_824);
    assert!(!made.text.contains("argon2") && !made.text.contains("correct horse"));
    let ready = admin
        .get_until(&format!("{PATH}/ann@acme.test"), |u| {
            u["mailbox"]["state"] == "ready"
        })
        .await;
    assert_eq!(
        ready["mailbox"]["asked_generation"],
        ready["mailbox"]["seen_generation"]
    );
    assert_eq!(ready["mailbox"]["server"], "mail-1");
    let ann = pilothouse::domain::EmailAddress::stored("ann@acme.test".to_owned());
    assert!(
        app.mail
            .sign_in(&ann, pilothouse::domain::Protocol::Imap)
            .is_ok()
    );
}

#[actix_web::test]
async fn a_user_can_do_without_a_mailbox() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    for mailbox in [json!({}), json!({"mailbox": null})] {
        let mut body =
            json!({"address": "bob@acme.test", "display_name": "Bob", "password": "correct horse"});
        body.as_object_mut()
            .unwrap()
            .extend(mailbox.as_object().unwrap().clone());
        let made = admin.post(&format!("{PATH}?dry_run=true"), body).await;
        assert_eq!(
            (made.status, &made.json()["mailbox"]),
            (200, &Value::Null),
            "{}",
            made.text
        );
    }
}

#[actix_web::test]
async fn a_taken_address_is_a_conflict_and_a_strange_domain_a_fault() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    app.user(&admin, "acme", "ann@acme.test", "exchange").await;
    let new = |address: &str| json!({"address": address, "display_name": "A", "password": "correct horse"});
    admin.post(PATH, new("ann@acme.test")).await.is_problem(409);
    assert_eq!(
        admin
            .post(PATH, new("ann@globex.test"))
            .await
            .is_problem(422)
            .pointer(),
        "/address"
    );
    let mut wrong = new("eve@acme.test");
    wrong["mailbox"] = json!({"kind": "pop_imap", "plan": "gold"});
    assert_eq!(
        admin
            .post(PATH, wrong.clone())
            .await
            .is_problem(422)
            .pointer(),
        "/mailbox/plan"
    );
    wrong["mailbox"] = json!({"kind": "pop_imap", "quota_bytes": 1});
    assert_eq!(
        admin
            .post(PATH, wrong.clone())
            .await
            .is_problem(422)
            .pointer(),
        "/mailbox/quota_bytes"
    );
    wrong["mailbox"] = json!({"kind": "fax"});
    assert_eq!(
        admin.post(PATH, wrong).await.is_problem(422).pointer(),
        "/mailbox/kind"
    );
}

#[actix_web::test]
async fn a_user_is_found_by_id_and_address_renamed_and_removed() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    let user = app.user(&admin, "acme", "ann@acme.test", "pop_imap").await;
    let by_id = format!("{PATH}/{}", user["id"].as_str().unwrap());
    assert_eq!(admin.get(&by_id).await.json()["address"], "ann@acme.test");
    let by_address = format!("{PATH}/ann@acme.test");
    let renamed = admin
        .patch(&by_address, json!({"display_name": "Ann Baker"}))
        .await;
    assert_eq!(
        (renamed.status, &renamed.json()["display_name"]),
        (200, &json!("Ann Baker"))
    );
    assert_eq!(
        admin
            .patch(&by_address, json!({"display_name": null}))
            .await
            .is_problem(422)
            .pointer(),
        "/display_name"
    );
    assert_eq!(admin.patch(&by_address, json!({})).await.status, 200);
    let found = admin
        .get(&format!("{PATH}?q=baker&domain=acme.test&kind=pop_imap"))
        .await
        .json();
    assert_eq!(found["total"], 1);
    assert_eq!(admin.delete(&by_address).await.status, 204);
    admin.get(&by_address).await.is_problem(404);
    let kept = admin
        .get("/api/v1/tenants/acme/mailboxes?state=retained")
        .await
        .json();
    assert_eq!(
        (&kept["total"], &kept["items"][0]["user"]),
        (&json!(1), &Value::Null)
    );
}

#[actix_web::test]
async fn support_sets_passwords_and_does_no_more() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    app.user(&admin, "acme", "ann@acme.test", "pop_imap").await;
    let support = app.key("acme", Role::Support).await;
    let path = format!("{PATH}/ann@acme.test");
    assert_eq!(
        support
            .put(
                &format!("{path}/password"),
                json!({"password": "another horse"})
            )
            .await
            .status,
        200
    );
    let short = support
        .put(&format!("{path}/password"), json!({"password": "short"}))
        .await;
    assert_eq!(short.is_problem(422).pointer(), "/password");
    support.delete(&path).await.is_problem(403);
}
