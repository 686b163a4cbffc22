//! Giving seats, running out of them and giving more, by the forms alone.
use crate::browser::{Browser, Scripts};
use crate::panel::Panel;

#[tokio::test]
async fn seats_are_given_run_out_and_are_added() {
    walk(Scripts::On).await;
}

#[tokio::test]
async fn seats_are_given_run_out_and_are_added_without_scripts() {
    walk(Scripts::Off).await;
}

async fn walk(scripts: Scripts) {
    let Some(panel) = Panel::start().await else {
        return;
    };
    let browser = panel.browser(scripts).await;
    browser.open("/t/platform/seats").await;
    browser
        .expect(&["Basic", "Exchange", "Tenants below 1"])
        .await;
    browser.open("/t/platform/seats?plan=exchange").await;
    browser
        .click("main a[href*=\"/seats/exchange?from=above\"]")
        .await;
    browser
        .expect(&["Seats of Exchange at Alder & Finch"])
        .await;

    browser.fill("limit", "one").await;
    browser.press("Save").await;
    browser.find(".error-summary").await;
    browser
        .expect(&["Nothing was changed yet.", "as a whole number such as 25"])
        .await;
    let typed = browser.find("#limit").await.prop("value").await;
    assert_eq!(typed.expect("a field").as_deref(), Some("one"));
    browser.fill("limit", "1").await;
    browser.press("Save").await;
    browser
        .wait_for_path("/t/platform/seats?plan=exchange")
        .await;
    browser
        .expect(&["Alder & Finch has 1 seat of Exchange now.", "0 of 1"])
        .await;

    add(&panel, &browser, "ada").await;
    browser.expect(&["Ada Holm was added"]).await;
    add(&panel, &browser, "bela").await;
    browser.find(".error-summary").await;
    browser
        .expect(&["Alder & Finch has one seat of Exchange, and it is taken."])
        .await;
    browser.find("#plan[aria-invalid=true]").await;
    let kept = browser.find("#display_name").await.prop("value").await;
    assert_eq!(kept.expect("a field").as_deref(), Some("Ada Holm"));

    browser.open("/t/platform").await;
    browser
        .expect(&["Alder & Finch has 0 of 1 seat of Exchange left"])
        .await;
    browser.press("Add seats").await;
    browser.fill("limit", "2").await;
    browser.press("Save").await;
    browser.wait_for_path(&panel.at("/seats")).await;
    browser.expect(&["1 of 2"]).await;
    add(&panel, &browser, "bela").await;
    browser.expect(&["Ada Holm was added"]).await;

    browser.open(&panel.at("/seats/exchange")).await;
    browser.press("Take the limit away").await;
    browser
        .expect(&["Alder & Finch has no limit of its own on Exchange."])
        .await;
}

/// Adds a user with an Exchange mailbox.
async fn add(panel: &Panel, browser: &Browser, local: &str) {
    browser.open(&panel.at("/users/new")).await;
    browser.fill("display_name", "Ada Holm").await;
    browser.fill("address", &panel.address(local)).await;
    browser.press("Add user").await;
}
