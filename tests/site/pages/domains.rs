//! `/t/{tenant}/domains`
use pilothouse::authz::Role;

use super::super::app::spawn_app;
use super::{page, submit, words};

#[actix_web::test]
async fn a_domain_is_added_and_says_what_to_publish() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let empty = page(&admin, "/t/acme/domains").await;
    assert!(empty.contains("No domain yet."), "{empty}");
    let answer = submit(&admin, "/t/acme/domains", &[("name", "Acme.Test")]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/t/acme/domains/acme.test")
    );
    let said = page(&admin, "/t/acme/domains/acme.test").await;
    for words in [
        "Not proved",
        "_pilothouse.acme.test",
        "pilothouse-proof=",
        "Check now",
        "DNS was never asked",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(
        !said.contains("Vouch"),
        "a customer's admin cannot vouch: {said}"
    );
}

#[actix_web::test]
async fn a_check_is_asked_for_and_leads_back_to_the_domain() {
    let app = spawn_app().await;
    let admin = app.signed_in("acme", Role::Admin).await;
    submit(&admin, "/t/acme/domains", &[("name", "acme.test")]).await;
    let answer = submit(&admin, "/t/acme/domains/acme.test/verifications", &[]).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    assert_eq!(answer.header("location"), "/t/acme/domains/acme.test");
}

#[actix_web::test]
async fn staff_of_the_platform_vouches_and_an_admin_may_not() {
    let app = spawn_app().await;
    let staff = app.signed_in("platform", Role::Admin).await;
    let form = [("name", "acme.test"), ("vouch", "true")];
    assert_eq!(submit(&staff, "/t/acme/domains", &form).await.status, 303);
    let said = page(&staff, "/t/acme/domains/acme.test").await;
    assert!(said.contains("Vouched for"), "{said}");
    let admin = app.signed_in("globex", Role::Admin).await;
    let form = [("name", "globex.test"), ("vouch", "true")];
    assert_eq!(submit(&admin, "/t/globex/domains", &form).await.status, 403);
}

#[actix_web::test]
async fn a_wrong_or_a_taken_name_comes_back_with_its_fault() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.signed_in("globex", Role::Admin).await;
    for (name, fault) in [
        ("not a domain", "not a domain"),
        ("acme.test", "in use on this panel already"),
    ] {
        let answer = submit(&admin, "/t/globex/domains", &[("name", name)]).await;
        assert_eq!(answer.status, 422, "{name}");
        let said = words(&answer.text);
        assert!(
            said.contains("The domain was not added.") && said.contains(fault),
            "{said}"
        );
        assert!(
            answer.text.contains(&format!(r#"value="{name}""#)),
            "{}",
            answer.text
        );
    }
}

#[actix_web::test]
async fn a_domain_is_disabled_enabled_and_removed_after_a_question() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let one = "/t/acme/domains/acme.test";
    assert_eq!(
        submit(&admin, one, &[("enabled", "false")]).await.status,
        303
    );
    let said = page(&admin, one).await;
    assert!(said.contains("acme.test is disabled"), "{said}");
    assert_eq!(
        submit(&admin, one, &[("enabled", "true")]).await.status,
        303
    );
    let removal = format!("{one}/removal");
    let asked = page(&admin, &removal).await;
    assert!(
        asked.contains("Remove acme.test?") && asked.contains("no mail is lost"),
        "{asked}"
    );
    assert_eq!(submit(&admin, &removal, &[]).await.status, 303);
    assert_eq!(admin.get(one).await.status, 404);
}

#[actix_web::test]
async fn a_domain_in_use_says_what_is_in_the_way() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let key = app.key("acme", Role::Admin).await;
    app.user(&key, "acme", "ann@acme.test", "pop_imap").await;
    let admin = app.signed_in("acme", Role::Admin).await;
    let removal = "/t/acme/domains/acme.test/removal";
    let said = page(&admin, removal).await;
    assert!(
        said.contains("cannot be removed yet") && said.contains("1 users"),
        "{said}"
    );
    assert_eq!(submit(&admin, removal, &[]).await.status, 303);
    assert_eq!(admin.get("/t/acme/domains/acme.test").await.status, 200);
}

#[actix_web::test]
async fn a_viewer_sees_no_buttons_and_is_refused_and_an_outsider_finds_nothing() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let viewer = app.signed_in("acme", Role::Viewer).await;
    let said = page(&viewer, "/t/acme/domains/acme.test").await;
    for button in ["Check now", "Disable", "Remove…"] {
        assert!(!said.contains(button), "{button}: {said}");
    }
    let outsider = app.signed_in("oz", Role::Owner).await;
    for (path, form) in [
        ("/t/acme/domains", vec![("name", "other.test")]),
        ("/t/acme/domains/acme.test", vec![("enabled", "false")]),
        ("/t/acme/domains/acme.test/verifications", vec![]),
        ("/t/acme/domains/acme.test/removal", vec![]),
    ] {
        assert_eq!(submit(&viewer, path, &form).await.status, 403, "{path}");
        assert_eq!(submit(&outsider, path, &form).await.status, 404, "{path}");
        let own = path.replace("/t/acme/", "/t/oz/");
        if own != "/t/oz/domains" {
            assert_eq!(submit(&outsider, &own, &form).await.status, 404, "{own}");
        }
    }
}
