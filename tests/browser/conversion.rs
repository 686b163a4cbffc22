//! From POP/IMAP to Exchange and back by the two tabs, as an admin does it.
use crate::browser::{Browser, Scripts};
use crate::clients::pop3::Pop3;
use crate::panel::{PASSWORD, Panel};

const MESSAGES: usize = 3;

#[tokio::test]
async fn an_admin_converts_a_mailbox_through_the_two_tabs_and_back() {
    there_and_back(Scripts::On).await;
}

#[tokio::test]
async fn an_admin_converts_a_mailbox_through_the_two_tabs_and_back_without_scripts() {
    there_and_back(Scripts::Off).await;
}

async fn there_and_back(scripts: Scripts) {
    let Some(panel) = Panel::start().await else {
        return;
    };
    let browser = panel.browser(scripts).await;
    let ada = panel.address("ada");
    add_user(&panel, &browser, &ada).await;
    panel.deliver(&ada, MESSAGES).await;

    let (pop_imap, exchange) = ("/mailboxes/pop-imap", "/mailboxes/exchange");
    untick_and_proceed(&panel, &browser, pop_imap, &ada).await;
    browser
        .expect(&["Ada Holm", &ada, "Opens", "Closes", "ActiveSync", "POP3"])
        .await;
    confirm(&browser, scripts).await;
    read_receipt(&browser, &ada).await;
    let refused = Pop3::login(&panel.doors, &ada, PASSWORD).await.err();
    assert!(
        refused.is_some(),
        "POP3 lets in while the mailbox is Exchange"
    );

    browser.open(&panel.at(pop_imap)).await;
    assert!(!browser.text().await.contains(&ada), "still on the old tab");
    untick_and_proceed(&panel, &browser, exchange, &ada).await;
    confirm(&browser, scripts).await;
    read_receipt(&browser, &ada).await;
    browser.open(&panel.at(pop_imap)).await;
    assert!(is_ticked(&browser, &ada).await);
    assert_eq!(panel.messages(&ada).await, Ok(MESSAGES));
    let mut pop3 = Pop3::login(&panel.doors, &ada, PASSWORD)
        .await
        .expect("POP3 is open again");
    assert_eq!(pop3.uidl().await.map(|all| all.len()), Ok(MESSAGES));
    pop3.quit().await;
}

async fn add_user(panel: &Panel, browser: &Browser, address: &str) {
    browser.open(&panel.at("/users/new")).await;
    browser.fill("display_name", "Ada Holm").await;
    browser.fill("address", address).await;
    browser.click("[name=choose][value=type]").await;
    browser.fill("password", PASSWORD).await;
    browser.click("[name=kind][value=pop_imap]").await;
    browser.press("Add user").await;
    browser.wait_for_path("/users/").await;
    browser.expect(&[address]).await;
    panel.wait_until_open(address).await;
    browser.open(&panel.at("/mailboxes/pop-imap")).await;
    browser.wait_for("Ready", Scripts::Off).await;
}

fn tick(address: &str) -> String {
    format!("input[name=on][value=\"{address}\"]")
}

async fn is_ticked(browser: &Browser, address: &str) -> bool {
    let tick = browser.find(&tick(address)).await;
    tick.is_selected().await.expect("a tick")
}

async fn untick_and_proceed(panel: &Panel, browser: &Browser, tab: &str, address: &str) {
    browser.open(&panel.at(tab)).await;
    assert!(is_ticked(browser, address).await);
    browser.click(&tick(address)).await;
    browser.press("Proceed").await;
    browser.wait_for_path("/conversions/confirmation").await;
}

async fn confirm(browser: &Browser, scripts: Scripts) {
    browser.click("main form .action-bar button").await;
    browser.wait_for("1 of 1", scripts).await;
    browser.wait_for("Receipt", scripts).await;
}

async fn read_receipt(browser: &Browser, address: &str) {
    browser.click("a[href$=\"/receipt\"]").await;
    browser.wait_for_path("/receipt").await;
    browser
        .expect(&[
            address,
            "Every message is there, and each is the same.",
            "3 messages in",
            "identical",
        ])
        .await;
}
