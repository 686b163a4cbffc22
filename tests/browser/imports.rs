//! Mail from another provider, as an admin brings it in: from the page of the mailbox to the
//! report, with and without scripts. The other provider is another mailbox of the same stack.
use crate::browser::{Browser, Scripts};
use crate::clients::imap::Imap;
use crate::panel::{PASSWORD, Panel};

#[tokio::test]
async fn mail_is_looked_at_copied_followed_and_finished() {
    walk(Scripts::On).await;
}

#[tokio::test]
async fn mail_is_looked_at_copied_followed_and_finished_without_scripts() {
    walk(Scripts::Off).await;
}

async fn walk(scripts: Scripts) {
    let Some(panel) = Panel::start().await else {
        return;
    };
    let (old, new) = (panel.address("old"), panel.address("new"));
    for local in ["old", "new"] {
        panel.add_user(local, "Nora Nilsen", "pop_imap").await;
        panel.wait_until_open(&panel.address(local)).await;
    }
    panel.deliver(&old, 3).await;
    let mut there = Imap::login(&panel.doors, &old, PASSWORD)
        .await
        .expect("a login");
    there.create("Letters/2025").await.expect("a folder");
    for folder in ["Letters/2025", "Sent"] {
        let letter = format!("Subject: in {folder}\r\n\r\nhello\r\n");
        let added = there.append(folder, None, None, letter.as_bytes()).await;
        added.expect("a message");
    }

    let browser = panel.browser(scripts).await;
    browser.open(&panel.at(&format!("/mailboxes/{new}"))).await;
    browser.click("a[href*=\"/imports/new\"]").await;
    browser.wait_for_path("/imports/new").await;
    ask(&panel, &browser, &old, "not the password").await;
    browser.wait_for("Authentication failed.", scripts).await;
    browser
        .expect(&["Failed", "does not let", "Try again"])
        .await;

    browser.fill("password", PASSWORD).await;
    browser
        .click("form[action$=\"/retry\"] .btn--primary")
        .await;
    browser.wait_for("Where each folder goes", scripts).await;
    browser.expect(&["Waits for you", "Letters/2025"]).await;
    let goes = browser
        .find("input[aria-label=\"Folder here for Letters/2025\"]")
        .await;
    goes.clear().await.expect("an empty field");
    goes.send_keys("Archive/Old letters").await.expect("a name");
    browser.click("input[aria-label=\"Leave Sent out\"]").await;
    browser
        .click("form[action$=\"/start\"] .btn--primary")
        .await;
    browser.wait_for("4 messages here", scripts).await;

    let late = b"Subject: late\r\n\r\nhello\r\n";
    there
        .append("INBOX", None, None, late)
        .await
        .expect("a message");
    browser.click("#pass").await;
    browser.wait_for("5 messages here", scripts).await;
    browser.click("#finish").await;
    browser
        .wait_for(
            "Every message was read again and is the same as there.",
            scripts,
        )
        .await;
    browser
        .expect(&["5 messages brought in", "left out", "Archive/Old letters"])
        .await;
    assert_eq!(panel.messages(&new).await, Ok(4));
    browser.open(&panel.at("/imports")).await;
    browser.expect(&[&new, "Done"]).await;
}

/// Fills the form, for the mailbox that it was opened for.
pub async fn ask(panel: &Panel, browser: &Browser, user: &str, password: &str) {
    browser.fill("host", "127.0.0.1").await;
    browser.fill("port", &panel.doors.imaps.to_string()).await;
    browser.fill("user", user).await;
    browser.fill("password", password).await;
    browser.click("form[enctype] .btn--primary").await;
    browser.wait_for_path("/imports/0").await;
}
