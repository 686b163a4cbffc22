//! Requests that nobody thought of, made from the `OpenAPI` document by `schemathesis`.
use std::process::Command;

use pilothouse::authz::Role;

use super::app::spawn_app;

/// Takes about a minute, and needs schemathesis: `cargo nextest run --test site --run-ignored only`.
#[actix_web::test]
#[ignore = "needs schemathesis, which tests/install.sh brings"]
async fn no_request_breaks_the_panel_and_every_answer_is_in_the_document() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let owner = app.key("platform", Role::Owner).await;
    app.user(&owner, "acme", "ann@acme.test", "pop_imap").await;
    let (url, key) = (app.url.clone(), owner.secret());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz-api.sh");
    let fuzz = move || Command::new("bash").args([script, &url, &key]).status();
    let status = tokio::task::spawn_blocking(fuzz).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}
