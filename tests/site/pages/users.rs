//! `/t/{tenant}/users`
use pilothouse::authz::Role;

use super::super::app::{App, spawn_app};
use super::{page, submit, words};

const ANN: &str = "/t/acme/users/ann@acme.test";

/// A panel with a domain and Ann, who has a POP/IMAP mailbox.
async fn with_ann() -> App {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let key = app.key("acme", Role::Admin).await;
    app.user(&key, "acme", "ann@acme.test", "pop_imap").await;
    app
}

#[actix_web::test]
async fn an_empty_list_says_what_to_do_first() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let said = page(&admin, "/t/acme/users").await;
    assert!(said.contains("First add the domain"), "{said}");
    app.domain("acme", "acme.test").await;
    let said = page(&admin, "/t/acme/users").await;
    assert!(said.contains("Add the first user"), "{said}");
}

#[actix_web::test]
async fn a_user_gets_a_mailbox_and_a_password_that_is_shown_once() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let form = [
        ("display_name", "Ann Archer"),
        ("address", "ann@acme.test"),
        ("choose", "make"),
        ("kind", "exchange"),
        ("quota", "2.5"),
    ];
    let answer = submit(&admin, "/t/acme/users", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let said = words(&answer.text);
    assert!(
        said.contains("Ann Archer was added") && said.contains("nobody can see it again"),
        "{said}"
    );
    let said = page(&admin, ANN).await;
    assert!(
        said.contains("Exchange") && said.contains("2.50 GB"),
        "{said}"
    );
    assert!(!said.contains("nobody can see it again"), "{said}");
}

#[actix_web::test]
async fn a_form_that_comes_back_has_lost_nothing_but_the_password() {
    let app = with_ann().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let form = [
        ("display_name", "Another Ann"),
        ("address", "ann@acme.test"),
        ("choose", "type"),
        ("password", "a secret of mine"),
        ("kind", "pop_imap"),
        ("plan", "basic"),
        ("quota", "3"),
    ];
    let answer = submit(&admin, "/t/acme/users", &form).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(
        words(&answer.text).contains("There is a user with the address ann@acme.test already"),
        "{}",
        answer.text
    );
    for kept in [
        r#"value="Another Ann""#,
        r#"value="ann@acme.test""#,
        r#"value="pop_imap" checked"#,
        r#"value="basic" selected"#,
        r#"value="3""#,
    ] {
        assert!(answer.text.contains(kept), "{kept}: {}", answer.text);
    }
    assert!(!answer.text.contains("a secret of mine"), "{}", answer.text);
}

#[actix_web::test]
async fn each_fault_stands_at_its_field_and_all_are_told_at_once() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let form = [
        ("display_name", " "),
        ("address", "nobody"),
        ("choose", "type"),
        ("password", "short"),
        ("kind", "exchange"),
        ("quota", "9000"),
    ];
    let answer = submit(&admin, "/t/acme/users", &form).await;
    assert_eq!(answer.status, 422);
    for field in ["display_name", "address", "password", "quota"] {
        assert!(
            answer.text.contains(&format!(r#"id="{field}-error""#)),
            "{field}: {}",
            answer.text
        );
    }
    assert!(
        words(&answer.text).contains("Exchange allows up to 26.84 GB"),
        "{}",
        answer.text
    );
}

#[actix_web::test]
async fn users_are_found_by_name_domain_kind_and_state() {
    let app = with_ann().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    for (query, found) in [
        ("q=ann", true),
        ("q=bob", false),
        ("domain=acme.test", true),
        ("kind=pop_imap", true),
        ("kind=exchange", false),
        ("state=failed", false),
        ("kind=what", true),
    ] {
        let said = page(&admin, &format!("/t/acme/users?{query}")).await;
        assert_eq!(said.contains("Ann Archer"), found, "{query}: {said}");
        assert_eq!(said.contains("Nobody matches."), !found, "{query}: {said}");
    }
}

#[actix_web::test]
async fn a_name_is_changed_unless_somebody_changed_it_meanwhile() {
    let app = with_ann().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let stale = [("display_name", "Ann Baker"), ("version", "1")];
    let answer = submit(&admin, ANN, &stale).await;
    assert_eq!(answer.status, 422);
    assert!(
        words(&answer.text).contains("Somebody changed this user"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains(r#"value="Ann Baker""#),
        "{}",
        answer.text
    );
    assert_eq!(
        submit(&admin, ANN, &[("display_name", "Ann Baker")])
            .await
            .status,
        303
    );
    assert!(page(&admin, ANN).await.contains("Ann Baker"));
}

#[actix_web::test]
async fn support_resets_and_suspends_but_does_not_remove() {
    let app = with_ann().await;
    let support = app.signed_in("acme", Role::Support).await;
    let said = page(&support, ANN).await;
    assert!(
        said.contains("New password…") && said.contains("Suspend") && !said.contains("Remove…"),
        "{said}"
    );
    let answer = submit(&support, &format!("{ANN}/password"), &[("choose", "make")]).await;
    assert!(
        words(&answer.text).contains("has a new password"),
        "{}",
        answer.text
    );
    let short = submit(
        &support,
        &format!("{ANN}/password"),
        &[("choose", "type"), ("password", "x")],
    )
    .await;
    assert_eq!(short.status, 422);
    let unsaid = submit(&support, &format!("{ANN}/suspension"), &[("reason", " ")]).await;
    assert_eq!(unsaid.status, 422, "{}", unsaid.text);
    let done = submit(
        &support,
        &format!("{ANN}/suspension"),
        &[("reason", "The bill is open.")],
    )
    .await;
    assert_eq!(done.status, 303);
    assert!(page(&support, ANN).await.contains("The bill is open."));
    assert_eq!(
        submit(&support, &format!("{ANN}/restoration"), &[])
            .await
            .status,
        303
    );
    assert!(!page(&support, ANN).await.contains("The bill is open."));
    assert_eq!(
        submit(&support, &format!("{ANN}/removal"), &[])
            .await
            .status,
        403
    );
}

#[actix_web::test]
async fn removing_says_what_is_kept_and_until_when() {
    let app = with_ann().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let said = page(&admin, &format!("{ANN}/removal")).await;
    assert!(
        said.contains("Remove Ann Archer?") && said.contains("kept whole until 1 Jul"),
        "{said}"
    );
    assert_eq!(
        submit(&admin, &format!("{ANN}/removal"), &[]).await.status,
        303
    );
    assert_eq!(admin.get(ANN).await.status, 404);
}

#[actix_web::test]
async fn a_viewer_sees_no_buttons_and_is_refused_and_an_outsider_finds_nothing() {
    let app = with_ann().await;
    let viewer = app.signed_in("acme", Role::Viewer).await;
    let said = page(&viewer, ANN).await;
    for button in ["New password…", "Remove…", "Suspend", "Save the name"] {
        assert!(!said.contains(button), "{button}: {said}");
    }
    let outsider = app.signed_in("oz", Role::Owner).await;
    for path in [
        "",
        "/ann@acme.test",
        "/ann@acme.test/password",
        "/ann@acme.test/suspension",
        "/ann@acme.test/restoration",
        "/ann@acme.test/removal",
    ] {
        let path = format!("/t/acme/users{path}");
        let form = [("display_name", "X"), ("reason", "x"), ("choose", "make")];
        assert_eq!(submit(&viewer, &path, &form).await.status, 403, "{path}");
        assert_eq!(submit(&outsider, &path, &form).await.status, 404, "{path}");
    }
    assert_eq!(outsider.get(ANN).await.status, 404);
    assert_eq!(outsider.get("/t/oz/users/ann@acme.test").await.status, 404);
}
