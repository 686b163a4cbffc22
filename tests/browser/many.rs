//! Many at once, as an admin does it: all that match are selected, looked at, put on the clock or
//! started, and converted.
use std::time::{Duration, Instant};

use serde_json::json;

use crate::browser::{Browser, Scripts};
use crate::panel::Panel;

const LOCALS: [&str; 3] = ["mia", "mika", "milo"];

#[tokio::test]
async fn all_that_match_are_selected_looked_at_scheduled_and_converted() {
    let Some((panel, browser)) = looked_at(Scripts::On).await else {
        return;
    };
    browser.click("[name=when][value=later]").await;
    let soon = next_minute(&browser).await;
    let (date, time) = soon.split_once('T').expect("a day and a time");
    let set = "document.querySelector('[name=date]').value = arguments[0]; \
               document.querySelector('[name=time]').value = arguments[1];";
    browser.run(set, vec![json!(date), json!(time)]).await;
    browser.press("Confirm 3 conversions").await;
    browser.expect(&["Scheduled", "Begins", "UTC"]).await;
    let begin = Instant::now();
    while !browser.text().await.contains("All of them, identical") {
        let limit = Duration::from_secs(150);
        assert!(begin.elapsed() < limit, "{}", browser.text().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    every_row_has_a_receipt(&panel, &browser).await;
}

/// A page that is live asks every two seconds; a slow finger takes longer.
#[tokio::test]
async fn a_button_that_is_held_down_is_not_swapped_away() {
    let Some((_panel, browser)) = looked_at(Scripts::On).await else {
        return;
    };
    browser.click("[name=when][value=later]").await;
    let set = "document.querySelector('[name=date]').value = arguments[0]; \
               document.querySelector('[name=time]').value = arguments[1];";
    browser
        .run(set, vec![json!("2099-01-01"), json!("02:00")])
        .await;
    browser.press("Confirm 3 conversions").await;
    browser.expect(&["Scheduled"]).await;
    browser.hold("#cancel").await;
    let stale = "document.querySelector('#batch').append('stale')";
    browser.run(stale, vec![]).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    browser.let_go().await;
    browser.wait_for("Cancelled", Scripts::On).await;
}

#[tokio::test]
async fn all_that_match_are_selected_looked_at_and_converted_without_scripts() {
    let Some((panel, browser)) = looked_at(Scripts::Off).await else {
        return;
    };
    browser.press("Confirm 3 conversions").await;
    browser
        .wait_for("All of them, identical", Scripts::Off)
        .await;
    every_row_has_a_receipt(&panel, &browser).await;
}

/// The minute after the next, by the browser's clock: "2026-11-24T02:01".
async fn next_minute(browser: &Browser) -> String {
    let script = "return new Date(Date.now() + 70000).toISOString().slice(0, 16);";
    let soon = browser.run(script, vec![]).await;
    soon.as_str().expect("a moment").to_owned()
}

/// From the tab to the page that says what would happen.
async fn looked_at(scripts: Scripts) -> Option<(Panel, Browser)> {
    let panel = Panel::start().await?;
    for local in LOCALS {
        panel.add_user(local, "Mia Falk", "pop_imap").await;
    }
    panel.add_user("other", "Otto Brun", "pop_imap").await;
    for local in LOCALS {
        panel.wait_until_open(&panel.address(local)).await;
    }
    let browser = panel.browser(scripts).await;
    browser.open(&panel.at("/mailboxes/pop-imap?q=mi")).await;
    browser
        .wait_for("Select all 3 that match", Scripts::Off)
        .await;
    browser.press("Select all 3 that match").await;
    browser.wait_for_path("/conversions/").await;
    browser.wait_for("Confirm 3 conversions", scripts).await;
    let words = [
        "All POP/IMAP mailboxes that match “mi”",
        "Download as CSV",
        "At once",
    ];
    browser.expect(&words).await;
    browser.expect(&[&panel.address("mika")]).await;
    Some((panel, browser))
}

async fn every_row_has_a_receipt(panel: &Panel, browser: &Browser) {
    for local in LOCALS {
        let receipt = format!("a[aria-label=\"Receipt of {}\"]", panel.address(local));
        browser.find(&receipt).await;
    }
    let tab = "/mailboxes/pop-imap";
    browser.open(&panel.at(tab)).await;
    browser.expect(&[&panel.address("other")]).await;
    assert!(!browser.text().await.contains(&panel.address("mika")));
}
