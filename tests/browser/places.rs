//! Every page a person can open, with something on it. What is not here: streams, JSON, assets,
//! and `/api/docs`, whose page is drawn by a script that is not ours.
use serde_json::json;

use crate::browser::{Browser, Scripts};
use crate::panel::{PASSWORD, Panel};

/// Before anybody has signed in.
pub const SIGNED_OUT: [&str; 2] = ["/sign-in", "/sign-in?next=/t/acme"];

/// Pages that only a form leads to.
pub const FORMS: [(&str, Form); 9] = [
    ("the confirmation", Form::Confirmation),
    ("a new user with errors", Form::Faulty("/users/new")),
    ("a new domain with errors", Form::Faulty("/domains/new")),
    (
        "many mailboxes with errors",
        Form::Faulty("/conversions/new"),
    ),
    ("a limit with errors", Form::Faulty("/seats/exchange")),
    ("an import with errors", Form::Blank("/imports/new")),
    ("rows of a file that were left out", Form::File),
    ("a new key, shown once", Form::Key),
    ("a live check", Form::Check),
];

/// How a page is reached by its form.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Confirmation,
    Faulty(&'static str),
    /// Sent although the browser itself would ask for more.
    Blank(&'static str),
    File,
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
    paths.extend(imports(panel).await);
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
        "/seats".into(),
        "/seats/basic".into(),
        "/seats/exchange".into(),
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
        "/t/platform/seats",
        "/t/platform/seats?plan=exchange",
        "/t/platform/seats?q=nobody-at-all",
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
        Form::Blank(path) => {
            browser.open(&panel.at(path)).await;
            let send = "const form = document.querySelector('main form[method=post]'); \
                        form.noValidate = true; form.requestSubmit();";
            browser.run(send, vec![]).await;
            browser.find(".error-summary").await;
        }
        Form::File => file(panel, browser).await,
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
pub async fn convert(panel: &Panel, browser: &Browser, address: &str) -> (String, String) {
    confirmation(panel, browser, address).await;
    browser.click("input[name=notify]").await;
    browser.click("main form .action-bar button").await;
    browser.wait_for("Receipt", Scripts::On).await;
    let batch = browser.path().await;
    browser.click("a[href$=\"/receipt\"]").await;
    browser.wait_for_path("/receipt").await;
    (batch, browser.path().await)
}

/// Sends a file of which nothing can be begun.
async fn file(panel: &Panel, browser: &Browser) {
    browser.open(&panel.at("/imports/new?many=1")).await;
    browser.fill("host", "imap.example.org").await;
    let text = "mailbox,user,password\nnobody@example.org,no,x\nrow that is short\n";
    let put = "const file = new DataTransfer(); \
               file.items.add(new File([arguments[0]], 'october.csv', {type: 'text/csv'})); \
               document.querySelector('[name=file]').files = file.files;";
    browser.run(put, vec![json!(text)]).await;
    browser.click("form[enctype] .btn--primary").await;
    browser.wait_for("2 rows were left out", Scripts::On).await;
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

/// An import that failed, one that was looked at, and a file with rows that were left out.
async fn imports(panel: &Panel) -> Vec<String> {
    let path = format!("/tenants/{}/mailbox-imports", panel.customer);
    let (ada, bela) = (panel.address("ada"), panel.address("bela"));
    let new = json!({ "host": "127.0.0.1", "port": panel.doors.imaps, "trial": true, "mailboxes": [
        { "mailbox": ada, "user": bela, "password": PASSWORD },
        { "mailbox": bela, "user": ada, "password": "not the password" },
    ] });
    let begun = panel.post(&path, new).await;
    let ids = begun["items"].as_array().expect("a list").iter();
    let ids = ids.map(|import| import["id"].as_str().expect("an id").to_owned());
    let mut paths: Vec<_> = ids.map(|id| panel.at(&format!("/imports/{id}"))).collect();
    paths.push(panel.at("/imports"));
    paths.push(panel.at("/imports?state=done"));
    paths.push(panel.at("/imports/new?provider=gmail"));
    paths.push(panel.at("/imports/new?many=1&provider=microsoft"));
    paths
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
