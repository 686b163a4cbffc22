//! Every page a person can open, with something on it. What is not here: streams, JSON, assets,
//! and `/api/docs`, whose page is drawn by a script that is not ours.
use serde_json::json;

use crate::browser::{Browser, Scripts};
use crate::panel::Panel;

/// Before anybody has signed in.
pub const SIGNED_OUT: [&str; 2] = ["/sign-in", "/sign-in?next=/t/acme"];

/// Pages that only a form leads to.
pub const FORMS: [(&str, Form); 6] = [
    ("the confirmation", Form::Confirmation),
    ("a new user with errors", Form::Faulty("/users/new")),
    ("a new domain with errors", Form::Faulty("/domains/new")),
    (
        "many mailboxes with errors",
        Form::Faulty("/conversions/new"),
    ),
    ("a new key, shown once", Form::Key),
    ("a live check", Form::Check),
];

/// How a page is reached by its form.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Confirmation,
    Faulty(&'static str),
    Key,
    Check,
}

/// Fills the panel, and lists the pages.
pub async fn fill(panel: &Panel, browser: &Browser) -> Vec<String> {
    for (local, name, kind) in [
        ("ada", "Ada Holm", "pop_imap"),
        ("bela", "Béla Kovács", "pop_imap"),
        ("clara", "Clara Lindqvist", "exchange"),
        ("dora", "Dóra Szabó", "pop_imap"),
        ("emil", "Emil Brandt", "pop_imap"),
        ("anneke", "Anneke Vos", "none"),
    ] {
        panel.add_user(local, name, kind).await;
    }
    for local in ["ada", "bela", "dora", "emil"] {
        panel.wait_until_open(&panel.address(local)).await;
    }
    let tenant = format!("/tenants/{}", panel.customer);
    let shared =
        json!({ "address": panel.address("office"), "display_name": "Office", "kind": "pop_imap" });
    panel.post(&format!("{tenant}/mailboxes"), shared).await;
    suspend(panel, browser, &panel.address("dora")).await;
    let (batch, receipt) = convert(panel, browser, &panel.address("bela")).await;
    for local in ["office", "emil"] {
        take_away(panel, browser, &panel.address(local)).await;
    }
    let mut paths = paths(panel);
    paths.extend([format!("{batch}/reversal"), batch, receipt]);
    paths.extend(drafts(panel, browser).await);
    for (list, link) in [
        (panel.at("/messages"), "main a[href*=\"/messages/\"]"),
        (
            "/t/platform/mail-servers".to_owned(),
            "main a[href*=\"/mail-servers/\"]",
        ),
        (
            "/t/platform/api-keys".to_owned(),
            "main a[href$=\"/revocation\"]",
        ),
    ] {
        paths.extend(linked(browser, &list, link).await);
        paths.push(list);
    }
    paths
}

fn paths(panel: &Panel) -> Vec<String> {
    let (ada, office) = (panel.address("ada"), panel.address("office"));
    let (dora, emil) = (panel.address("dora"), panel.address("emil"));
    let domain = &panel.domain;
    let of_customer = [
        String::new(),
        "/tenants".into(),
        "/domains".into(),
        "/domains/new".into(),
        format!("/domains/{domain}"),
        format!("/domains/{domain}/removal"),
        "/users".into(),
        "/users?q=nobody-at-all".into(),
        "/users/new".into(),
        format!("/users/{ada}"),
        format!("/users/{}", panel.address("anneke")),
        format!("/users/{ada}/password"),
        format!("/users/{ada}/removal"),
        "/mailboxes/pop-imap".into(),
        "/mailboxes/pop-imap?q=nobody-at-all".into(),
        "/mailboxes/exchange".into(),
        "/mailboxes/exchange?all=1".into(),
        "/mailboxes/shared".into(),
        "/mailboxes/kept".into(),
        "/mailboxes/new".into(),
        format!("/mailboxes/{ada}"),
        format!("/mailboxes/{dora}"),
        format!("/mailboxes/{office}"),
        format!("/users/{emil}"),
        format!("/users/{emil}/removal"),
        format!("/mailboxes/{emil}"),
        format!("/mailboxes/{emil}/purge"),
        format!("/mailboxes/{ada}/removal"),
        format!("/mailboxes/{office}/purge"),
        "/conversions".into(),
        "/conversions/new".into(),
        "/api-keys".into(),
        "/api-keys/new".into(),
        "/audit".into(),
        "/settings".into(),
        "/no-such-page".into(),
    ];
    let of_platform = [
        "/t/platform",
        "/t/platform/tenants",
        "/t/platform/tenants/new",
        "/t/platform/users",
        "/t/platform/audit",
        "/t/platform/messages",
        "/t/platform/settings",
        "/tenants",
        "/_gallery",
    ];
    of_customer
        .iter()
        .map(|rest| panel.at(rest))
        .chain(of_platform.map(str::to_owned))
        .collect()
}

/// Walks to a page that only a form leads to.
pub async fn reach(panel: &Panel, browser: &Browser, form: Form) {
    browser.resize(1280).await;
    match form {
        Form::Confirmation => {
            let ada = panel.address("ada");
            confirmation(panel, browser, &ada).await;
        }
        Form::Faulty(path) => {
            browser.open(&panel.at(path)).await;
            browser.click("main form .btn--primary").await;
            browser.find(".error-summary").await;
        }
        Form::Key => {
            browser.open(&panel.at("/api-keys/new")).await;
            browser.fill("label", "Provisioning").await;
            browser.click("main form .btn--primary").await;
            browser.find("copy-field, .flash").await;
        }
        Form::Check => {
            let ada = panel.address("ada");
            browser.open(&panel.at(&format!("/mailboxes/{ada}"))).await;
            browser.press("Check live").await;
            browser.wait_for("Check again", Scripts::On).await;
        }
    }
}

async fn confirmation(panel: &Panel, browser: &Browser, address: &str) {
    browser.open(&panel.at("/mailboxes/pop-imap")).await;
    browser
        .click(&format!("input[name=on][value=\"{address}\"]"))
        .await;
    browser.press("Proceed").await;
    browser.wait_for_path("/conversions/confirmation").await;
}

/// Converts a mailbox; where its batch and its receipt are.
async fn convert(panel: &Panel, browser: &Browser, address: &str) -> (String, String) {
    confirmation(panel, browser, address).await;
    browser.click("input[name=notify]").await;
    browser.click("main form .action-bar button").await;
    browser.wait_for("Receipt", Scripts::On).await;
    let batch = browser.path().await;
    browser.click("a[href$=\"/receipt\"]").await;
    browser.wait_for_path("/receipt").await;
    (batch, browser.path().await)
}

/// A draft with rows of every verdict, and one that was confirmed and left some out.
async fn drafts(panel: &Panel, browser: &Browser) -> Vec<String> {
    let tenant = format!("/tenants/{}/conversions", panel.customer);
    let (ada, clara) = (panel.address("ada"), panel.address("clara"));
    let rows = [&ada, &ada, &clara, "nobody@example.org", "no address"];
    let new = json!({ "to": "exchange", "mailboxes": rows, "draft": true });
    let draft = panel.post(&tenant, new).await;
    let draft = panel.at(&format!(
        "/conversions/{}",
        draft["id"].as_str().expect("an id")
    ));
    browser.open(&draft).await;
    browser.wait_for("Confirm 1 conversion", Scripts::Off).await;
    vec![
        format!("{draft}?group=blocked"),
        format!("{draft}?group=waits"),
        format!("{draft}?state=left-out"),
        draft,
    ]
}

async fn suspend(panel: &Panel, browser: &Browser, address: &str) {
    browser
        .open(&panel.at(&format!("/mailboxes/{address}")))
        .await;
    browser
        .fill("reason", "The invoice of October is open.")
        .await;
    browser.press("Suspend").await;
    browser
        .wait_for("The invoice of October is open.", Scripts::Off)
        .await;
}

async fn take_away(panel: &Panel, browser: &Browser, address: &str) {
    browser
        .open(&panel.at(&format!("/mailboxes/{address}/removal")))
        .await;
    browser.click("main form .btn--danger-final").await;
    browser.wait_for("Kept", Scripts::Off).await;
}

async fn linked(browser: &Browser, list: &str, css: &str) -> Option<String> {
    browser.open(list).await;
    let href = browser.find(css).await.attr("href").await;
    href.expect("a link")
}
