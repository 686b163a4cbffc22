//! `/mailbox-imports`; what they do to a real mailbox is in `tests/engine/imports.rs`.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::{App, spawn_app};

const PATH: &str = "/api/v1/tenants/acme/mailbox-imports";

async fn app_with_mailbox() -> App {
    let app = spawn_app().await;
    app.world
        .engine
        .hold_key(pilothouse::store::seal::Key::from_bytes([7; 32]));
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    for local in ["ann", "bob"] {
        let user = json!({"address": format!("{local}@acme.test"), "display_name": local,
            "password": "correct horse battery staple", "mailbox": {"kind": "pop_imap"}});
        let made = admin.post("/api/v1/tenants/acme/users", user).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    app
}

fn wanted(mailboxes: &Value) -> Value {
    json!({"host": "imap.example.org", "mailboxes": mailboxes})
}

#[actix_web::test]
async fn an_import_is_asked_for_shown_without_its_password_and_called_off() {
    let app = app_with_mailbox().await;
    let admin = app.key("acme", Role::Admin).await;
    let body = json!({"host": "imap.example.org", "trial": true,
        "csv": "mailbox,user,password\nann@acme.test,ann,s3cret-there\nbob@acme.test,bob,s3cret-too\n"});
    let started = admin.post(PATH, body).await;
    assert_eq!(started.status, 202, "{}", started.text);
    assert!(!started.text.contains("s3cret"));
    let import = started.json()["items"][0].clone();
    assert_eq!(import["state"], "trying");
    assert_eq!(
        (&import["port"], &import["security"]),
        (&json!(993), &json!("tls"))
    );

    let list = admin.get(PATH).await;
    assert_eq!(list.json()["total"], 2);
    assert!(!list.text.contains("s3cret"));
    let one = format!("{PATH}/{}", import["id"].as_str().unwrap());
    admin
        .patch(&one, json!({"state": "cutting_over"}))
        .await
        .is_problem(409);
    let over = admin.patch(&one, json!({"state": "cancelled"})).await;
    assert_eq!(
        (over.status, &over.json()["state"]),
        (200, &json!("cancelled"))
    );
    assert_eq!(admin.get(&one).await.json()["state"], "cancelled");
}

#[actix_web::test]
async fn each_fault_is_at_its_row_and_nothing_is_started() {
    let app = app_with_mailbox().await;
    let admin = app.key("acme", Role::Admin).await;
    let row =
        |mailbox: &str, user: &str| json!({"mailbox": mailbox, "user": user, "password": "x"});
    let ann = || row("ann@acme.test", "ann");
    for (pointer, body) in [
        ("/host", json!({"host": "http://x", "mailboxes": [ann()]})),
        ("/mailboxes", json!({"host": "h"})),
        ("/mailboxes", wanted(&json!([]))),
        (
            "/mailboxes/0/mailbox",
            wanted(&json!([row("nobody@acme.test", "x")])),
        ),
        (
            "/mailboxes/1/user",
            wanted(&json!([ann(), row("bob@acme.test", "")])),
        ),
        ("/mailboxes/1/mailbox", wanted(&json!([ann(), ann()]))),
        ("/csv/1", json!({"host": "h", "csv": "ann@acme.test,ann,x"})),
        (
            "/csv/3",
            json!({"host": "h", "csv": "mailbox,user,password\na,b,c\na,b\n"}),
        ),
    ] {
        let answer = admin.post(PATH, body).await;
        answer.is_problem(422);
        assert_eq!(answer.pointer(), pointer, "{}", answer.text);
    }
    assert_eq!(admin.get(PATH).await.json()["total"], 0);
    assert_eq!(admin.post(PATH, wanted(&json!([ann()]))).await.status, 202);
    let again = admin.post(PATH, wanted(&json!([ann()]))).await;
    assert_eq!(again.is_problem(422).pointer(), "/mailboxes/0/mailbox");
}

#[actix_web::test]
async fn viewers_look_and_strangers_see_nothing() {
    let app = app_with_mailbox().await;
    let viewer = app.key("acme", Role::Viewer).await;
    assert_eq!(viewer.get(PATH).await.status, 200);
    let body = wanted(&json!([{"mailbox": "ann@acme.test", "user": "a", "password": "b"}]));
    viewer.post(PATH, body.clone()).await.is_problem(403);
    let stranger = app.key("globex", Role::Owner).await;
    stranger.post(PATH, body).await.is_problem(404);
}
