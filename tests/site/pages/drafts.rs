//! Many at once, by the forms alone: everything that a filter finds, addresses that were pasted, a
//! CSV file; what the look at each found, the terms, and the start.
use pilothouse::authz::Role;

use crate::app::{App, spawn_app};
use crate::people::{Answer, Asker};
use crate::support::database::exec;

const CONVERSIONS: &str = "/t/acme/conversions";

async fn with_users<'a>(app: &'a App, locals: &[&str]) -> Asker<'a> {
    app.acme_with(locals).await;
    app.signed_in("acme", Role::Admin).await
}

async fn send(person: &Asker<'_>, path: &str, pairs: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let body = Some(("application/x-www-form-urlencoded", form));
    person.send_text("POST", path, body).await
}

async fn upload(person: &Asker<'_>, file: &str, text: &str) -> Answer {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"to\"\r\n\r\nexchange\r\n\
         --b\r\nContent-Disposition: form-data; name=\"addresses\"\r\n\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{file}\"\r\n\
         Content-Type: text/csv\r\n\r\n{text}\r\n--b--\r\n"
    );
    let body = Some(("multipart/form-data; boundary=b", body));
    person
        .send_text("POST", &format!("{CONVERSIONS}/drafts"), body)
        .await
}

/// The page of a draft once everything in it has been looked at.
async fn looked_at(person: &Asker<'_>, made: &Answer) -> (String, String) {
    assert_eq!(made.status, 303, "{}", made.text);
    let draft = made.header("location").to_owned();
    until(person, &draft, |text| !text.contains("data-live")).await
}

async fn until(person: &Asker<'_>, path: &str, enough: impl Fn(&str) -> bool) -> (String, String) {
    let mut last = String::new();
    for _ in 0..200 {
        let page = person.get(path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        if enough(&page.text) {
            return (path.to_owned(), page.text);
        }
        last = page.text;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{path} stays {last}");
}

#[actix_web::test]
async fn all_that_match_are_looked_at_confirmed_and_converted() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann", "anna", "bob"]).await;
    let tab = person.get("/t/acme/mailboxes/pop-imap?q=ann").await;
    assert!(tab.text.contains("Select all 3 that match"), "by name too");
    let tab = person.get("/t/acme/mailboxes/pop-imap?q=anna%40").await;
    assert!(tab.text.contains("Select the one that matches"));
    let chosen = [("by", "filter"), ("to", "exchange"), ("q", "anna@")];
    let made = send(&person, &format!("{CONVERSIONS}/drafts"), &chosen).await;
    let (draft, page) = looked_at(&person, &made).await;
    assert!(
        page.contains("All POP/IMAP mailboxes that match “anna@”"),
        "{page}"
    );
    assert!(page.contains("1 mailbox to Exchange"), "{page}");
    assert!(page.contains("Confirm 1 conversion"), "{page}");
    let terms = [("when", "now"), ("at_once", "2"), ("keep", "pop3")];
    let started = send(&person, &format!("{draft}/confirmation"), &terms).await;
    assert_eq!(started.status, 303, "{}", started.text);
    let (_, page) = until(&person, &draft, |text| {
        text.contains("All of them, identical")
    })
    .await;
    assert!(page.contains("Receipt of anna@acme.test"), "{page}");
    let again = send(&person, &format!("{draft}/confirmation"), &terms).await;
    assert_eq!(
        again.header("location"),
        draft,
        "a second click does no harm"
    );
}

#[actix_web::test]
async fn a_file_names_the_rows_that_cannot_and_starts_the_rest() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann", "bob"]).await;
    let csv = "name;email\nAnn;ann@acme.test\nNobody;gone@acme.test\nBroken;not one\n\
               Again;ANN@acme.test\nBob;bob@acme.test\n";
    let made = upload(&person, "users.csv", csv).await;
    let (draft, page) = looked_at(&person, &made).await;
    assert!(page.contains("5 addresses from users.csv"), "{page}");
    for said in [
        "row is no address",
        "address has no mailbox here",
        "row names one again",
        "row 4",
        "Confirm 2 conversions",
        "3 left out stay exactly as they are",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let only = person
        .get(&format!("{draft}?group=blocker:not_found"))
        .await;
    assert!(only.text.contains("gone@acme.test") && !only.text.contains(">bob@acme.test"));

    let file = person.get(&format!("{draft}/choices.csv")).await;
    assert!(file.header("content-type").starts_with("text/csv"));
    let lines: Vec<&str> = file
        .text
        .split("\r\n")
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines.len(), 6, "{}", file.text);
    assert!(
        file.text.contains("4,not one,,left out,not_an_address,"),
        "{}",
        file.text
    );

    let started = send(
        &person,
        &format!("{draft}/confirmation"),
        &[("when", "now")],
    )
    .await;
    assert_eq!(started.status, 303, "{}", started.text);
    let (_, page) = until(&person, &draft, |text| {
        text.contains("All of them, identical")
    })
    .await;
    assert!(page.contains("Left out 3"), "{page}");
    let left = person.get(&format!("{draft}?state=left-out")).await;
    assert!(
        left.text.contains("gone@acme.test") && left.text.contains("not one"),
        "{}",
        left.text
    );
}

#[actix_web::test]
async fn nothing_typed_is_lost_when_the_list_is_no_list() {
    let app = spawn_app().await;
    let person = with_users(&app, &[]).await;
    let empty = [("to", "pop_imap"), ("addresses", " \n ")];
    let back = send(&person, &format!("{CONVERSIONS}/drafts"), &empty).await;
    assert_eq!(back.status, 422, "{}", back.text);
    assert!(back.text.contains("Enter at least one address"));
    assert!(
        back.text.contains("value=\"pop_imap\" checked"),
        "{}",
        back.text
    );
    let made = upload(&person, "users.csv", "\u{0}").await;
    assert!(matches!(made.status, 303 | 422), "{}", made.text);
}

#[actix_web::test]
async fn a_draft_longer_than_a_page_is_read_page_by_page() {
    let app = spawn_app().await;
    let person = with_users(&app, &[]).await;
    let typed: Vec<String> = (0..120).map(|n| format!("u{n:03}@acme.test")).collect();
    let typed = typed.join("\n");
    let chosen = [("to", "exchange"), ("addresses", typed.as_str())];
    let made = send(&person, &format!("{CONVERSIONS}/drafts"), &chosen).await;
    let (draft, mut page) = looked_at(&person, &made).await;
    let mut seen = vec![];
    loop {
        for n in 0..120 {
            let address = format!("u{n:03}@acme.test");
            if page.contains(&format!("<b>{address}</b>")) {
                assert!(!seen.contains(&n), "{address} twice");
                seen.push(n);
            }
        }
        let Some((before, _)) = page.split_once("\" rel=\"next\"") else {
            break;
        };
        let href = before
            .rsplit_once("href=\"")
            .unwrap()
            .1
            .replace("&#38;", "&");
        page = person.get(&href.replace("&amp;", "&")).await.text;
    }
    assert_eq!(seen.len(), 120, "{draft}");
    let nothing = send(
        &person,
        &format!("{draft}/confirmation"),
        &[("when", "now")],
    )
    .await;
    assert_eq!(nothing.status, 303);
    let said = person.get(&draft).await;
    assert_eq!(said.status, 200, "still a draft");
}

#[actix_web::test]
async fn a_time_is_by_the_customers_clock_and_faults_keep_what_was_typed() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann"]).await;
    let door = app.world.database.back_door().await;
    let sql = "UPDATE tenants SET time_zone = 'Europe/Berlin' WHERE slug = 'acme'";
    exec(&door, sql).await.unwrap();
    let made = send(
        &person,
        &format!("{CONVERSIONS}/drafts"),
        &[("to", "exchange"), ("addresses", "ann@acme.test")],
    )
    .await;
    let (draft, page) = looked_at(&person, &made).await;
    assert!(page.contains("By the clock of Europe/Berlin"), "{page}");
    let bad = [
        ("when", "later"),
        ("date", "2020-01-01"),
        ("time", "02:00"),
        ("at_once", "few"),
    ];
    let back = send(&person, &format!("{draft}/confirmation"), &bad).await;
    assert_eq!(back.status, 422, "{}", back.text);
    for said in [
        "This time has passed",
        "Enter a whole number",
        "value=\"few\"",
        "2020-01-01",
    ] {
        assert!(back.text.contains(said), "{said}: {}", back.text);
    }
    // The clocks of Berlin skip the hour after 2 on that night.
    let gap = [("when", "later"), ("date", "2037-03-29"), ("time", "02:30")];
    let started = send(&person, &format!("{draft}/confirmation"), &gap).await;
    assert_eq!(started.status, 303, "{}", started.text);
    let page = person.get(&draft).await.text;
    assert!(
        page.contains("Scheduled") && page.contains("29 Mar 2037, 03:00 CEST"),
        "{page}"
    );
}

#[actix_web::test]
async fn a_viewer_sees_a_draft_and_cannot_confirm_or_discard_it() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann"]).await;
    let chosen = [("by", "filter"), ("to", "exchange")];
    let made = send(&person, &format!("{CONVERSIONS}/drafts"), &chosen).await;
    let (draft, _) = looked_at(&person, &made).await;
    let viewer = app.signed_in("acme", Role::Viewer).await;
    let seen = viewer.get(&draft).await;
    assert!(seen.text.contains("ann@acme.test") && !seen.text.contains("Confirm 1"));
    for change in ["confirmation", "look", "discard"] {
        let refused = send(&viewer, &format!("{draft}/{change}"), &[]).await;
        assert_eq!(refused.status, 403, "{change}");
    }
    let outsider = app.signed_in("oz", Role::Owner).await;
    assert_eq!(outsider.get(&draft).await.status, 404);
    assert_eq!(
        outsider.get(&format!("{draft}/choices.csv")).await.status,
        404
    );
    let gone = send(&person, &format!("{draft}/discard"), &[]).await;
    assert_eq!(gone.status, 303);
    assert_eq!(person.get(&draft).await.status, 404);
}

/// Of three that need a seat one finds it: the draft says so in a group of its own, and the
/// confirmation of a tab leaves the others out.
#[actix_web::test]
async fn those_that_find_no_seat_are_a_group_of_their_own() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann", "bob", "cid"]).await;
    let above = app.signed_in("quayside", Role::Admin).await;
    let given = send(&above, "/t/acme/seats/exchange", &[("limit", "1")]).await;
    assert_eq!(given.status, 303, "{}", given.text);
    let chosen = [("by", "filter"), ("to", "exchange"), ("q", "acme")];
    let made = send(&person, &format!("{CONVERSIONS}/drafts"), &chosen).await;
    let (draft, page) = looked_at(&person, &made).await;
    assert!(page.contains("Confirm 1 conversion"), "{page}");
    let said = super::words(&page);
    assert!(said.contains("2 find no seat left"), "{said}");
    let only = person.get(&format!("{draft}?group=blocker:no_seat")).await;
    let said = super::words(&only.text);
    for part in [
        "bob@acme.test",
        "cid@acme.test",
        "one before bob@acme.test takes it",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!only.text.contains(">ann@acme.test"), "{said}");

    let unticked = [
        ("tab", "pop_imap"),
        ("was", "ann@acme.test"),
        ("was", "bob@acme.test"),
    ];
    let asked = send(&person, &format!("{CONVERSIONS}/confirmation"), &unticked).await;
    let said = super::words(&asked.text);
    assert!(said.contains("Confirm: 1 mailbox to Exchange"), "{said}");
    assert!(
        said.contains("1 left out") && said.contains("one before bob@acme.test takes it"),
        "{said}"
    );
}
