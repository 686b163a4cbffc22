//! Mail from another provider, by the forms alone. What it does to a real mailbox is in
//! `tests/engine/imports.rs`, and walked in a browser in `tests/browser/imports.rs`.
use pilothouse::authz::Role;

use super::{page, submit, words};
use crate::app::{App, spawn_app};
use crate::people::{Answer, Asker};

const IMPORTS: &str = "/t/acme/imports";
const SECRET: &str = "s3cret-there";

async fn with_users<'a>(app: &'a App, locals: &[&str]) -> Asker<'a> {
    app.world
        .engine
        .hold_key(pilothouse::store::seal::Key::from_bytes([7; 32]));
    app.acme_with(locals).await;
    app.signed_in("acme", Role::Admin).await
}

const ANN: [(&str, &str); 5] = [
    ("host", "imap.example.org"),
    ("security", "tls"),
    ("mailbox", "ann@acme.test"),
    ("user", "ann@example.org"),
    ("password", SECRET),
];

/// The same form with other words in some fields.
fn but<'a>(other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut form: Vec<_> = other.to_vec();
    form.extend(
        ANN.iter()
            .filter(|(name, _)| other.iter().all(|(n, _)| n != name)),
    );
    form
}

async fn upload(person: &Asker<'_>, text: &str) -> Answer {
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let body = format!(
        "{}{}{}--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"october.csv\"\r\n\
         Content-Type: text/csv\r\n\r\n{text}\r\n--b--\r\n",
        field("many", "1"),
        field("host", "imap.example.org"),
        field("security", "tls"),
    );
    let body = Some(("multipart/form-data; boundary=b", body));
    person.send_text("POST", IMPORTS, body).await
}

#[actix_web::test]
async fn one_is_asked_for_from_the_mailbox_looked_at_and_stopped() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann"]).await;
    let mailbox = person.get("/t/acme/mailboxes/ann@acme.test").await;
    assert!(mailbox.text.contains("Bring mail from another provider…"));
    assert!(
        mailbox
            .text
            .contains("/imports/new?mailbox=ann%40acme.test")
    );
    let form = person
        .get("/t/acme/imports/new?mailbox=ann%40acme.test&provider=gmail")
        .await;
    assert!(form.text.contains("value=\"imap.gmail.com\""));
    assert!(words(&form.text).contains("Google takes an app password here"));
    assert!(form.text.contains("value=\"ann@acme.test\""));

    let begun = submit(&person, IMPORTS, &ANN).await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    let import = begun.header("location").to_owned();
    let shown = page(&person, &import).await;
    for said in [
        "Mail for ann@acme.test",
        "ann@example.org at imap.example.org",
        "Looking",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(page(&person, IMPORTS).await.contains("ann@acme.test"));
    let mailbox = page(&person, "/t/acme/mailboxes/ann@acme.test").await;
    assert!(mailbox.contains("Mail is being brought in from another provider."));
    assert!(!mailbox.contains("Bring mail from another provider…"));

    let twice = submit(&person, IMPORTS, &ANN).await;
    assert_eq!(twice.status, 422);
    assert!(words(&twice.text).contains("brought into this mailbox already"));
    let early = submit(&person, &format!("{import}/finish"), &[]).await;
    assert_eq!(early.header("location"), import);
    assert!(
        page(&person, &import).await.contains("Looking"),
        "it is not finished from there"
    );
    submit(&person, &format!("{import}/stop"), &[]).await;
    assert!(page(&person, &import).await.contains("Stopped"));
    for path in [IMPORTS, &import] {
        assert!(!person.get(path).await.text.contains(SECRET), "{path}");
    }
}

#[actix_web::test]
async fn a_form_that_comes_back_says_what_is_wrong_and_shows_no_password() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann"]).await;
    for (form, field, said) in [
        (but(&[("host", "http://x")]), "host", "Enter the host name"),
        (but(&[("port", "70000")]), "port", "Enter a port"),
        (but(&[("user", "")]), "user", "Enter the login name"),
        (but(&[("password", "")]), "password", "Enter the password"),
        (
            but(&[("mailbox", "nobody@acme.test")]),
            "mailbox",
            "There is no such mailbox here.",
        ),
        (
            but(&[("security", "none")]),
            "unprotected",
            "may be sent unprotected",
        ),
    ] {
        let back = submit(&person, IMPORTS, &form).await;
        assert_eq!(back.status, 422, "{form:?}: {}", back.text);
        assert!(back.text.contains(&format!("href=\"#{field}\"")), "{field}");
        assert!(
            back.text.contains(&format!("id=\"{field}-error\"")),
            "{field}"
        );
        assert!(words(&back.text).contains(said), "{said}");
        assert!(!back.text.contains(SECRET), "{field}");
    }
    let knowing = but(&[("security", "none"), ("unprotected", "yes")]);
    let begun = submit(&person, IMPORTS, &knowing).await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    let shown = page(&person, begun.header("location")).await;
    assert!(
        shown.contains("The connection is not protected."),
        "{shown}"
    );
}

#[actix_web::test]
async fn of_a_file_what_can_be_begun_is_and_the_rest_is_kept_with_its_row() {
    let app = spawn_app().await;
    let person = with_users(&app, &["ann", "bob"]).await;
    let template = person.get("/t/acme/imports/template.csv").await;
    assert_eq!(template.text, "mailbox,user,password\r\n");
    let file = format!(
        "mailbox;user;password\r\nann@acme.test;ann;{SECRET}\r\nnobody@acme.test;no;x\r\n\
         ann@acme.test;twice;x\r\nbob@acme.test;bob\r\nbob@acme.test;bob;{SECRET}\r\nx@acme.test;;"
    );
    let begun = upload(&person, &file).await;
    assert_eq!(begun.status, 303, "{}", begun.text);
    let list = begun.header("location").to_owned();
    let shown = page(&person, &list).await;
    for said in [
        "october.csv",
        "of 2 done",
        "4 rows were left out",
        "nobody@acme.test 3 no There is no such mailbox here.",
        "ann@acme.test 4 twice This mailbox is named twice.",
        "bob@acme.test 5 This row has 2 cells.",
        "x@acme.test 7 Enter the login name",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    assert!(!person.get(&list).await.text.contains(SECRET));
    let id = list.rsplit_once('=').unwrap().1;
    let rest = person
        .get(&format!("/t/acme/import-lists/{id}/left-out.csv"))
        .await;
    assert_eq!(rest.text.lines().count(), 5, "{}", rest.text);
    assert!(
        rest.text
            .starts_with("row,mailbox,user,reason\r\n3,nobody@acme.test,no,")
    );

    submit(&person, &format!("/t/acme/import-lists/{id}/stop"), &[]).await;
    assert!(page(&person, &list).await.contains("2 stopped"));
    for (text, said) in [
        (
            "ann@acme.test,ann,x",
            "Begin with the line mailbox,user,password.",
        ),
        ("mailbox,user,password\r\n", "Name 1 to 1000 mailboxes"),
    ] {
        let back = upload(&person, text).await;
        assert_eq!(back.status, 422, "{}", back.text);
        assert!(words(&back.text).contains(said), "{}", words(&back.text));
        assert!(back.text.contains("id=\"file-error\""));
    }
}

#[actix_web::test]
async fn a_viewer_looks_and_has_no_buttons() {
    let app = spawn_app().await;
    let admin = with_users(&app, &["ann"]).await;
    let begun = submit(&admin, IMPORTS, &ANN).await;
    let import = begun.header("location").to_owned();
    let viewer = app.signed_in("acme", Role::Viewer).await;
    assert!(page(&viewer, IMPORTS).await.contains("ann@acme.test"));
    let shown = viewer.get(&import).await;
    assert!(!shown.text.contains("/stop\""), "{}", shown.text);
    assert_eq!(
        submit(&viewer, &format!("{import}/stop"), &[]).await.status,
        403
    );
    assert_eq!(submit(&viewer, IMPORTS, &ANN).await.status, 403);
}
