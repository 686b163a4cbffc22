//! What goes with every answer, whatever is asked for.
use pilothouse::authz::Role;

use super::app::spawn_app;

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
