//! What docs/API.md promises for every resource.
use pilothouse::authz::Role;
use serde_json::{Value, json};

use crate::app::spawn_app;

#[actix_web::test]
async fn without_a_valid_key_the_answer_is_401_and_says_how_to_send_one() {
    let app = spawn_app().await;
    for key in [
        "",
        "ph_wrong",
        "ph_0000000000000000000000000000000000000000000",
    ] {
        let answer = app.visitor().with_key(key).get("/api/v1/tenants").await;
        answer.is_problem(401);
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
}

#[actix_web::test]
async fn a_body_that_cannot_be_read_is_told_why() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    let path = "/api/v1/tenants/acme/domains";
    let send = async |kind: &'static str, text: &str| {
        owner
            .send_text("POST", path, Some((kind, text.to_owned())))
            .await
    };
    send("text/plain", "{}").await.is_problem(415);
    owner.send("POST", path, None).await.is_problem(415);
    send("application/json", "{").await.is_problem(422);
    send("application/json", "[]").await.is_problem(422);
    send("application/json", "").await.is_problem(422);
    let huge = format!("{{\"name\": \"{}\"}}", "a".repeat(9 << 20));
    send("application/json", &huge).await.is_problem(413);
    let answer = send(
        "application/json",
        r#"{"name": "acme.test", "vouch": "yes"}"#,
    )
    .await;
    assert_eq!(answer.is_problem(422).pointer(), "/vouch");
    let answer = send("application/json", r#"{"name": "a\u0000.test"}"#).await;
    assert_eq!(answer.is_problem(422).pointer(), "/name");
}

#[actix_web::test]
async fn one_answer_names_every_fault() {
    let app = spawn_app().await;
    let owner = app.key("acme", Role::Owner).await;
    let body = json!({"address": "ann", "display_name": "", "password": "short"});
    let answer = owner.post("/api/v1/tenants/acme/users", body).await;
    let problem = answer.is_problem(422).json();
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/address", "/display_name", "/password"]);
}

#[actix_web::test]
async fn a_list_is_read_page_by_page() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    for name in ["a.test", "b.test", "c.test", "d.test", "e.test"] {
        app.domain("acme", name).await;
    }
    let mut path = "/api/v1/tenants/quayside/domains?limit=2".to_owned();
    let mut seen = vec![];
    for page in 0..3 {
        let answer = owner.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list = answer.json();
        assert_eq!(list["total"], 5);
        let names = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|d| d["name"].as_str().unwrap().to_owned());
        seen.extend(names);
        if page == 2 {
            assert_eq!(list["next_cursor"], Value::Null);
            assert_eq!(answer.header("link"), "");
            break;
        }
        let link = answer.header("link");
        path = link
            .strip_prefix('<')
            .unwrap()
            .strip_suffix(">; rel=\"next\"")
            .unwrap()
            .to_owned();
        assert!(path.contains(list["next_cursor"].as_str().unwrap()));
    }
    assert_eq!(seen, ["a.test", "b.test", "c.test", "d.test", "e.test"]);
    let foreign = path.replace("/domains", "/users");
    assert_eq!(
        owner.get(&foreign).await.is_problem(422).pointer(),
        "/cursor"
    );
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=abc",
        "sort=color",
        "q=%00",
    ] {
        owner
            .get(&format!("/api/v1/tenants/acme/domains?{wrong}"))
            .await
            .is_problem(422);
    }
}

#[actix_web::test]
async fn a_stale_writer_is_refused_and_a_reader_is_told_that_nothing_changed() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    app.domain("acme", "acme.test").await;
    let path = "/api/v1/tenants/acme/domains/acme.test";
    let read = owner.get(path).await;
    let tag = read.header("etag").to_owned();
    let same = owner.with("if-none-match", &tag).get(path).await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    app.world.clock.advance(chrono::TimeDelta::seconds(1));
    let mine = owner.with("if-match", &tag);
    assert_eq!(
        mine.patch(path, json!({"enabled": false})).await.status,
        200
    );
    mine.patch(path, json!({"enabled": true}))
        .await
        .is_problem(412);
    mine.delete(path).await.is_problem(412);
    assert_eq!(owner.get(path).await.json()["enabled"], false);
    let now = owner.get(path).await.header("etag").to_owned();
    assert_eq!(owner.with("if-match", &now).delete(path).await.status, 204);
    owner.get(path).await.is_problem(404);
}

#[actix_web::test]
async fn a_dry_run_answers_what_would_be_and_changes_nothing() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    app.domain("acme", "acme.test").await;
    app.user(&owner, "acme", "ann@acme.test", "pop_imap").await;
    let mailbox = "/api/v1/tenants/acme/mailboxes/ann@acme.test";
    owner
        .get_until(mailbox, |m| {
            m["state"] == "ready" && !m["usage_at"].is_null()
        })
        .await;
    let user =
        json!({"address": "bob@acme.test", "display_name": "Bob", "password": "correct horse"});
    let start = json!({"to": "exchange", "mailboxes": ["ann@acme.test"]});
    let key = json!({"label": "x", "role": "viewer"});
    let tenant = json!({"parent": "platform", "kind": "customer", "slug": "new", "name": "New"});
    let of = |rest: &str| format!("/api/v1/tenants/acme/{rest}");
    let changes = [
        ("POST", "/api/v1/tenants".to_owned(), Some(tenant)),
        ("POST", of("domains"), Some(json!({"name": "other.test"}))),
        (
            "PATCH",
            of("domains/acme.test"),
            Some(json!({"enabled": false})),
        ),
        ("POST", of("users"), Some(user)),
        (
            "PATCH",
            of("users/ann@acme.test"),
            Some(json!({"display_name": "Other"})),
        ),
        (
            "PUT",
            of("users/ann@acme.test/password"),
            Some(json!({"password": "another horse"})),
        ),
        ("DELETE", of("users/ann@acme.test"), None),
        (
            "PATCH",
            of("mailboxes/ann@acme.test"),
            Some(json!({"quota_bytes": 2_000_000})),
        ),
        (
            "PUT",
            of("mailboxes/ann@acme.test/switches/pop3"),
            Some(json!({"on": false})),
        ),
        (
            "PUT",
            of("mailboxes/ann@acme.test/suspension"),
            Some(json!({"reason": "unpaid"})),
        ),
        ("DELETE", of("mailboxes/ann@acme.test"), None),
        ("DELETE", of("mailboxes/ann@acme.test?purge=true"), None),
        ("POST", of("mailboxes/ann@acme.test/checks"), None),
        ("POST", of("conversions"), Some(start)),
        ("POST", of("api-keys"), Some(key)),
    ];
    let before = app.whole_database().await;
    for (method, path, body) in changes {
        let mark = if path.contains('?') { '&' } else { '?' };
        let answer = owner
            .send(method, &format!("{path}{mark}dry_run=true"), body.as_ref())
            .await;
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
        assert!(
            answer.json().is_object(),
            "{method} {path}: {}",
            answer.text
        );
    }
    assert_eq!(app.whole_database().await, before);
    assert!(owner.get(mailbox).await.json()["switches"][1]["on"] == true);
}

#[actix_web::test]
async fn naming_a_foreign_mailbox_under_ones_own_tenant_is_a_404_too() {
    let app = spawn_app().await;
    let platform = app.key("platform", Role::Owner).await;
    app.domain("oz", "oz.test").await;
    let user = app.user(&platform, "oz", "tin@oz.test", "pop_imap").await;
    let acme = app.key("acme", Role::Owner).await;
    for name in ["tin@oz.test", user["mailbox"]["id"].as_str().unwrap()] {
        let path = format!("/api/v1/tenants/acme/mailboxes/{name}");
        acme.get(&path).await.is_problem(404);
        acme.patch(&path, json!({"receives": false}))
            .await
            .is_problem(404);
        acme.delete(&path).await.is_problem(404);
    }
    let start = json!({"to": "exchange", "mailboxes": ["tin@oz.test"]});
    acme.post("/api/v1/tenants/acme/conversions", start)
        .await
        .is_problem(422);
}
