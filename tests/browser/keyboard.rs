//! Signing in and converting with Tab, Space and Enter alone.
use fantoccini::key::Key;

use crate::browser::{Browser, Scripts};
use crate::panel::{OWNER, Panel};

/// No page here has more stops than this.
const STOPS: usize = 80;

#[tokio::test]
async fn the_keyboard_alone_is_enough_to_sign_in_and_convert() {
    let Some(panel) = Panel::start().await else {
        return;
    };
    panel.add_user("ada", "Ada Holm", "pop_imap").await;
    let ada = panel.address("ada");
    panel.wait_until_open(&ada).await;
    let browser = Browser::start(&panel.base, Scripts::On).await;

    browser.open(&panel.at("/mailboxes/pop-imap")).await;
    reach(&browser, "#email").await;
    browser.type_text(OWNER).await;
    browser.key(Key::Tab).await;
    browser.type_text(panel.owner_password()).await;
    browser.key(Key::Enter).await;
    browser.wait_for_path("/mailboxes/pop-imap").await;
    browser.wait_for("Ready", Scripts::Off).await;

    reach(&browser, &format!("input[name=on][value=\"{ada}\"]")).await;
    browser.key(Key::Space).await;
    browser.key(Key::Tab).await;
    reach(&browser, ".action-bar .btn--primary").await;
    browser.key(Key::Enter).await;
    browser.wait_for_path("/conversions/confirmation").await;
    reach(&browser, ".action-bar .btn--primary").await;
    browser.key(Key::Enter).await;
    browser.wait_for("Receipt", Scripts::On).await;
    reach(&browser, "a[href$=\"/receipt\"]").await;
    browser.key(Key::Enter).await;
    browser.wait_for_path("/receipt").await;
    browser.expect(&["Every message is there"]).await;
}

/// Tabs on until the focus is there, is drawn, and is in sight.
async fn reach(browser: &Browser, css: &str) {
    browser.find(css).await;
    let here = "const e = document.activeElement, r = e.getBoundingClientRect(), s = getComputedStyle(e); \
                return e.matches(arguments[0]) && [s.outlineStyle != 'none' || s.boxShadow != 'none', \
                r.top >= 0 && r.bottom <= innerHeight + 1]";
    for _ in 0..STOPS {
        let found = browser.run(here, vec![css.into()]).await;
        if let Some(facts) = found.as_array() {
            assert_eq!(
                facts[..],
                [true, true],
                "{css}: focus drawn, focus in sight"
            );
            return;
        }
        browser.key(Key::Tab).await;
    }
    panic!("Tab never reaches {css}\n{}", browser.text().await);
}
