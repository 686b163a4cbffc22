//! What goes with every answer, whatever is asked for.
use actix_web::{App, test, web};
use pilothouse::authz::{Role, SuspendMailboxes};
use pilothouse::store::Cx;
use pilothouse::web::site::{Options, Site};
use tokio_util::sync::CancellationToken;

use super::app::spawn_app;
use super::support::World;

#[actix_web::test]
async fn it_says_that_it_is_alive_and_ready() {
    let app = spawn_app().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.visitor().get(path).await.status, 200, "{path}");
    }
}

#[actix_web::test]
async fn every_answer_carries_the_headers_that_keep_browsers_from_harm() {
    let app = spawn_app().await;
    for path in ["/healthz", "/nowhere", "/api/v1/tenants", "/t/acme/live"] {
        let answer = app.visitor().get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
}

#[actix_web::test]
async fn what_is_not_there_is_a_page_for_people_and_a_problem_for_scripts() {
    let app = spawn_app().await;
    let page = app.visitor().get("/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(
        page.header("content-type").starts_with("text/html"),
        "{}",
        page.text
    );
    assert!(
        page.text.contains("There is nothing at this address"),
        "{}",
        page.text
    );
    let owner = app.key("platform", Role::Owner).await;
    owner.get("/api/v1/nowhere").await.is_problem(404);
}

#[actix_web::test]
async fn a_page_leads_a_visitor_to_the_sign_in_page_and_back() {
    let app = spawn_app().await;
    let answer = app.visitor().get("/t/acme/live?x=1").await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        "/sign-in?next=%2Ft%2Facme%2Flive%3Fx%3D1"
    );
}

#[actix_web::test]
async fn a_key_opens_no_page() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    assert_eq!(owner.get("/t/acme/live").await.status, 303);
}

#[actix_web::test]
async fn a_method_that_is_not_answered_is_told_which_are() {
    let app = spawn_app().await;
    let owner = app.key("platform", Role::Owner).await;
    let answer = owner.send("PUT", "/api/v1/tenants/acme/users", None).await;
    answer.is_problem(405);
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    let page = app.visitor().send("POST", "/healthz", None).await;
    assert_eq!((page.status, page.header("allow")), (405, "GET, HEAD"));
    assert!(page.header("content-type").starts_with("text/html"));
}

#[actix_web::test]
async fn nobody_is_made_to_change_something_by_another_site() {
    let app = spawn_app().await;
    let ann = app.signed_in("acme", Role::Admin).await;
    let send = async |name: &str, value: &str| {
        let form = ("application/x-www-form-urlencoded", "theme=dark".to_owned());
        let asker = ann.with(name, value);
        asker.send_text("POST", "/theme", Some(form)).await
    };
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.test"),
        ("origin", "null"),
    ] {
        let answer = send(name, value).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert!(
            answer.text.contains("sent from another site"),
            "{}",
            answer.text
        );
    }
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("origin", app.url.as_str()),
        ("x-no-browser", "1"),
    ] {
        assert_eq!(send(name, value).await.status, 303, "{name}: {value}");
    }
}

#[actix_web::test]
async fn a_cookie_opens_no_api() {
    let app = spawn_app().await;
    let ann = app.signed_in("acme", Role::Owner).await;
    ann.get("/api/v1/tenants/acme/users").await.is_problem(401);
}

#[actix_web::test]
async fn a_permission_that_changes_things_is_never_a_get() {
    let world = World::new().await;
    let options = Options {
        public_url: "http://127.0.0.1:1".parse().unwrap(),
        trusted_proxies: vec![],
        workers: 1,
        alive: None,
    };
    let site = Site::new(options, world.db.clone(), CancellationToken::new());
    let change = async |_: Cx<SuspendMailboxes>| "changed";
    let app = App::new()
        .app_data(web::Data::new(site))
        .route("/t/{tenant}/change", web::get().to(change));
    let app = test::init_service(app).await;
    let ask = test::TestRequest::get().uri("/t/acme/change").to_request();
    let answer = test::call_service(&app, ask).await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.headers().get("allow").unwrap(), "POST");
}

#[actix_web::test]
async fn a_page_hears_that_something_was_changed() {
    let app = spawn_app().await;
    let ann = app.signed_in("acme", Role::Viewer).await;
    let mut stream = ann.open("/t/acme/live").await;
    assert_eq!(stream.status(), 200);
    assert_eq!(
        stream.headers().get("content-type").unwrap(),
        "text/event-stream"
    );
    app.domain("acme", "acme.test").await;
    let heard = stream.chunk().await.unwrap().unwrap();
    assert_eq!(heard, "data: changed\n\n");
    assert_eq!(ann.get("/t/oz/live").await.status, 404);
}
