//! `/t/{tenant}/seats` and the form of one limit.
use pilothouse::authz::Role;

use super::super::app::{App, spawn_app};
use super::super::people::{Answer, Asker};
use super::{page, submit, words};

const EXCHANGE: &str = "/t/acme/seats/exchange";

/// Sets a limit by its form, and fails unless it was taken.
async fn give(person: &Asker<'_>, tenant: &str, plan: &str, limit: &str) {
    let path = format!("/t/{tenant}/seats/{plan}");
    let answer = submit(person, &path, &[("limit", limit)]).await;
    assert_eq!(answer.status, 303, "{}", words(&answer.text));
}

async fn ask(person: &Asker<'_>, limit: &str) -> Answer {
    submit(person, EXCHANGE, &[("limit", limit)]).await
}

/// Acme with so many Exchange mailboxes.
async fn exchange_at_acme(app: &App, count: usize) {
    app.domain("acme", "acme.test").await;
    let key = app.key("acme", Role::Admin).await;
    for n in 0..count {
        let address = format!("u{n}@acme.test");
        app.user(&key, "acme", &address, "exchange").await;
    }
}

#[actix_web::test]
async fn each_plan_says_what_it_is_and_how_many_are_used_of_how_many() {
    let app = spawn_app().await;
    exchange_at_acme(&app, 2).await;
    let reseller = app.signed_in("quayside", Role::Admin).await;
    give(&reseller, "acme", "exchange", "1,200").await;
    let own = app.signed_in("acme", Role::Viewer).await;
    let said = page(&own, "/t/acme/seats").await;
    for part in [
        "Basic",
        "POP/IMAP",
        "10.73 GB",
        "2 of 1,200",
        "1,198",
        "no limit",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let above = page(&reseller, "/t/quayside/seats?plan=exchange").await;
    assert!(
        above.contains("Quayside") && above.contains("2 of 1,200"),
        "{above}"
    );
}

#[actix_web::test]
async fn who_stands_above_gives_seats_and_is_led_back_to_the_list() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let list = admin.get("/t/quayside/seats?plan=exchange&q=ac").await;
    let link = "/t/acme/seats/exchange?from=above&#38;q=ac";
    assert!(list.text.contains(link), "{}", list.text);
    let form = page(&admin, "/t/acme/seats/exchange?from=above&q=ac").await;
    assert!(form.contains("Seats of Exchange at Acme"), "{form}");
    let typed = [("limit", "25"), ("from", "above"), ("q", "ac")];
    let answer = submit(&admin, EXCHANGE, &typed).await;
    let back = "/t/quayside/seats?plan=exchange&q=ac#at-acme";
    assert_eq!((answer.status, answer.header("location")), (303, back));
    let said = page(&admin, "/t/acme/seats").await;
    assert!(said.contains("0 of 25"), "{said}");
    let log = app.signed_in("acme", Role::Admin).await;
    let log = page(&log, "/t/acme/audit").await;
    assert!(log.contains("Exchange at Acme"), "{log}");
}

#[actix_web::test]
async fn a_limit_that_cannot_be_comes_back_with_what_was_typed_and_the_reason_at_the_field() {
    let app = spawn_app().await;
    exchange_at_acme(&app, 2).await;
    let platform = app.signed_in("platform", Role::Admin).await;
    give(&platform, "quayside", "exchange", "30").await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    for (typed, reason) in [
        (
            "1",
            "2 mailboxes of Exchange exist at Acme. Enter 2 or more",
        ),
        ("31", "Enter 30 or less"),
        ("many", "as a whole number such as 25"),
        ("", "as a whole number such as 25"),
        ("-1", "as a whole number such as 25"),
    ] {
        let answer = ask(&admin, typed).await;
        assert_eq!(answer.status, 422, "{typed}: {}", answer.text);
        let said = words(&answer.text);
        assert!(said.contains(reason), "{typed}: {said}");
        assert!(said.contains("Nothing was changed yet."), "{said}");
        for part in [
            format!(r#"value="{typed}""#),
            r#"aria-describedby="limit-hint limit-error""#.to_owned(),
            r##"href="#limit""##.to_owned(),
        ] {
            assert!(answer.text.contains(&part), "{part}: {}", answer.text);
        }
    }
    assert!(page(&admin, "/t/acme/seats").await.contains("28 shared"));
}

#[actix_web::test]
async fn a_limit_that_somebody_else_changed_is_looked_at_again() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    give(&admin, "acme", "exchange", "5").await;
    let typed = [("limit", "7"), ("version", "none")];
    let answer = submit(&admin, EXCHANGE, &typed).await;
    assert_eq!(answer.status, 422);
    let said = words(&answer.text);
    assert!(said.contains("Somebody changed this limit"), "{said}");
    let (_, rest) = answer.text.split_once(r#"name="version" value=""#).unwrap();
    let (version, _) = rest.split_once('"').unwrap();
    let typed = [("limit", "7"), ("version", version)];
    assert_eq!(submit(&admin, EXCHANGE, &typed).await.status, 303);
}

#[actix_web::test]
async fn a_limit_is_taken_away_by_its_own_button() {
    let app = spawn_app().await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let without = admin.get(EXCHANGE).await;
    assert!(!without.text.contains("Take the limit away"));
    give(&admin, "acme", "exchange", "5").await;
    let form = admin.get(EXCHANGE).await;
    assert!(form.text.contains(r#"value="5""#), "{}", form.text);
    let removal = format!("{EXCHANGE}/removal");
    assert!(form.text.contains(&format!(r#"action="{removal}""#)));
    let answer = submit(&admin, &removal, &[]).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/t/acme/seats#plan-exchange")
    );
    assert!(!page(&admin, "/t/acme/seats").await.contains("of 5"));
}

#[actix_web::test]
async fn nobody_gives_seats_to_themselves_and_an_outsider_finds_nothing() {
    let app = spawn_app().await;
    for (tenant, role) in [
        ("acme", Role::Owner),
        ("quayside", Role::Support),
        ("platform", Role::Viewer),
    ] {
        let person = app.signed_in(tenant, role).await;
        let said = page(&person, "/t/acme/seats").await;
        assert!(!said.contains("Set a limit"), "{tenant}: {said}");
        for answer in [
            person.get(EXCHANGE).await,
            ask(&person, "5").await,
            submit(&person, &format!("{EXCHANGE}/removal"), &[]).await,
        ] {
            assert_eq!(answer.status, 403, "{tenant}: {}", words(&answer.text));
        }
    }
    let owner = app.signed_in("acme", Role::Owner).await;
    let said = words(&owner.get(EXCHANGE).await.text);
    assert!(
        said.contains("Ask an admin of the tenant above it."),
        "{said}"
    );
    let top = app.signed_in("platform", Role::Owner).await;
    let said = words(&top.get("/t/platform/seats/exchange").await.text);
    assert!(said.contains("its seats have no limit"), "{said}");
    let outsider = app.signed_in("oz", Role::Owner).await;
    for path in ["/t/acme/seats", EXCHANGE] {
        assert_eq!(outsider.get(path).await.status, 404, "{path}");
    }
    assert_eq!(ask(&outsider, "5").await.status, 404);
    let admin = app.signed_in("quayside", Role::Admin).await;
    assert_eq!(admin.get("/t/acme/seats/nosuch").await.status, 404);
}

#[actix_web::test]
async fn only_those_right_below_are_listed_page_by_page_and_can_be_looked_for() {
    let app = spawn_app().await;
    let key = app.key("platform", Role::Owner).await;
    for n in 0..60 {
        let body = serde_json::json!({
            "parent": "quayside", "kind": "customer",
            "slug": format!("many-{n:02}"), "name": format!("Many {n:02}"),
        });
        assert_eq!(key.post("/api/v1/tenants", body).await.status, 201);
    }
    let top = app.signed_in("platform", Role::Viewer).await;
    let said = page(&top, "/t/platform/seats").await;
    let below = said.split("Tenants below").nth(1).unwrap();
    assert!(
        below.contains("Quayside") && below.contains("Harbour") && !below.contains("Acme"),
        "{below}"
    );
    let admin = app.signed_in("quayside", Role::Admin).await;
    let first = admin.get("/t/quayside/seats").await;
    let said = words(&first.text);
    assert!(
        said.contains("50 of 62") && !said.contains("Many 59"),
        "{said}"
    );
    let (before, _) = first.text.split_once(r#"" rel="next""#).unwrap();
    let (_, next) = before.rsplit_once(r#"href=""#).unwrap();
    let next = next.replace("&#38;", "&");
    let said = page(&admin, next.split('#').next().unwrap()).await;
    assert!(
        said.contains("Many 59") && said.contains("12 of 62"),
        "{said}"
    );
    let said = page(&admin, "/t/quayside/seats?q=many-07").await;
    assert!(said.contains("Many 07") && !said.contains("Acme"), "{said}");
    let none = page(&admin, "/t/quayside/seats?q=nobody").await;
    assert!(none.contains("No tenant matches."), "{none}");
}

#[actix_web::test]
async fn what_is_empty_says_what_to_do_next() {
    let app = spawn_app().await;
    let key = app.key("platform", Role::Owner).await;
    let body = serde_json::json!({
        "parent": "platform", "kind": "reseller", "slug": "fresh", "name": "Fresh",
    });
    key.post("/api/v1/tenants", body).await;
    let top = app.signed_in("platform", Role::Admin).await;
    let said = page(&top, "/t/fresh/seats").await;
    assert!(
        said.contains("Nobody is below yet.") && said.contains("Add tenant"),
        "{said}"
    );
    let looks = app.signed_in("platform", Role::Viewer).await;
    let said = page(&looks, "/t/fresh/seats").await;
    assert!(!said.contains("Add tenant"), "{said}");
}

#[actix_web::test]
async fn the_overview_says_where_seats_run_out() {
    let app = spawn_app().await;
    exchange_at_acme(&app, 2).await;
    let admin = app.signed_in("quayside", Role::Admin).await;
    let owner = app.signed_in("acme", Role::Owner).await;
    give(&admin, "acme", "exchange", "4").await;
    assert!(!page(&admin, "/t/quayside").await.contains("seats of"));
    give(&admin, "acme", "exchange", "2").await;
    let line = "Acme has 0 of 2 seats of Exchange left";
    let above = admin.get("/t/quayside").await;
    let said = words(&above.text);
    assert!(said.contains(line) && said.contains("Add seats"), "{said}");
    assert!(above.text.contains(&format!(r#"href="{EXCHANGE}""#)));
    let own = owner.get("/t/acme").await;
    let said = words(&own.text);
    assert!(said.contains(line) && !said.contains("Add seats"), "{said}");
    assert!(own.text.contains(r#"href="/t/acme/seats""#));
    // A tenth left is enough, and who was given none waits for none.
    give(&admin, "acme", "exchange", "20").await;
    give(&admin, "globex", "exchange", "0").await;
    assert!(!page(&admin, "/t/quayside").await.contains("seats of"));
    for (tenant, plan) in [("acme", "basic"), ("globex", "basic")] {
        give(&admin, tenant, plan, "0").await;
    }
    give(&admin, "acme", "exchange", "2").await;
    assert!(page(&admin, "/t/quayside").await.contains(line));
}
