//! The classic two tabs, from the first unticked box to the receipt, by the forms alone.
use pilothouse::authz::Role;

use crate::app::{App, spawn_app};
use crate::people::{Answer, Asker};

const TABS: &str = "/t/acme/mailboxes";

async fn with_ann(app: &App) -> Asker<'_> {
    app.domain("acme", "acme.test").await;
    let key = app.key("acme", Role::Admin).await;
    app.user(&key, "acme", "ann@acme.test", "pop_imap").await;
    let ready = |mailbox: &serde_json::Value| mailbox["state"] == "ready";
    key.get_until("/api/v1/tenants/acme/mailboxes/ann@acme.test", ready)
        .await;
    app.signed_in("acme", Role::Admin).await
}

async fn send(person: &Asker<'_>, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let body = Some(("application/x-www-form-urlencoded", form));
    person.send_text("POST", path, body).await
}

const UNTICKED: [(&str, &str); 2] = [("tab", "pop_imap"), ("was", "ann@acme.test")];

#[actix_web::test]
async fn unticking_and_proceeding_asks_first_and_confirming_converts() {
    let app = spawn_app().await;
    let person = with_ann(&app).await;
    let tab = person.get(&format!("{TABS}/pop-imap")).await;
    assert!(tab.text.contains("Ann Archer has a POP/IMAP mailbox"));

    let asked = send(&person, "/t/acme/conversions/confirmation", &UNTICKED).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert!(asked.text.contains("Confirm: 1 mailbox to Exchange"));
    assert!(asked.text.contains("Convert, keep all mail"));
    assert!(asked.text.contains("Take away, kept"));
    let exchange = person.get(&format!("{TABS}/exchange")).await;
    assert!(!exchange.text.contains("ann@acme.test"), "nothing yet");

    let mut chosen = UNTICKED.to_vec();
    chosen.push(("do:ann@acme.test", "convert"));
    let confirmed = send(&person, "/t/acme/conversions", &chosen).await;
    assert_eq!(confirmed.status, 303, "{}", confirmed.text);
    let batch = confirmed.header("location").to_owned();
    let mut page = person.get(&batch).await;
    for _ in 0..100 {
        if page.text.contains("All of them, identical") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        page = person.get(&batch).await;
    }
    assert!(
        page.text.contains("Receipt of ann@acme.test"),
        "{}",
        page.text
    );
    let exchange = person.get(&format!("{TABS}/exchange")).await;
    assert!(exchange.text.contains("Ann Archer has an Exchange mailbox"));
}

#[actix_web::test]
async fn a_form_that_has_grown_stale_does_no_harm_and_says_why() {
    let app = spawn_app().await;
    let person = with_ann(&app).await;
    let mut chosen = UNTICKED.to_vec();
    chosen.push(("do:ann@acme.test", "take_away"));
    let first = send(&person, "/t/acme/conversions", &chosen).await;
    assert_eq!(first.status, 303, "{}", first.text);
    chosen[2].1 = "convert";
    let second = send(&person, "/t/acme/conversions", &chosen).await;
    assert_eq!(second.status, 422);
    assert!(second.text.contains("Nothing was changed yet"));
    assert!(second.text.contains("was taken away meanwhile"));
}

#[actix_web::test]
async fn a_viewer_sees_the_ticks_and_cannot_proceed() {
    let app = spawn_app().await;
    with_ann(&app).await;
    let viewer = app.signed_in("acme", Role::Viewer).await;
    let tab = viewer.get(&format!("{TABS}/pop-imap")).await;
    assert!(tab.text.contains("Ann Archer has a POP/IMAP mailbox"));
    assert!(!tab.text.contains("Proceed"));
    let refused = send(&viewer, "/t/acme/conversions/confirmation", &UNTICKED).await;
    assert_eq!(refused.status, 403);
}

#[actix_web::test]
async fn what_was_typed_comes_back_with_the_fault_at_its_field() {
    let app = spawn_app().await;
    let person = with_ann(&app).await;
    let typed = [("name", "Ann A."), ("plan", "basic"), ("quota", "much")];
    let back = send(&person, &format!("{TABS}/ann@acme.test"), &typed).await;
    assert_eq!(back.status, 422, "{}", back.text);
    assert!(back.text.contains("Enter a size in GB"));
    assert!(back.text.contains("value=\"Ann A.\""));
}
