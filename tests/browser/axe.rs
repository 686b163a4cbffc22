//! axe-core on every page, light and dark, wide and narrow; and no page that scrolls sideways.
use std::fmt::Write as _;

use serde_json::Value;

use crate::browser::{Browser, Scripts};
use crate::panel::Panel;
use crate::places;

const WIDTHS: [u32; 2] = [1280, 390];
const THEMES: [&str; 2] = ["light", "dark"];

/// Ends what still fades from one theme to the other, or axe would measure a colour on its way.
const SETTLE: &str = "getComputedStyle(document.body).color; for (const fade of \
    document.getAnimations()) { try { fade.finish() } catch { fade.cancel() } }";

/// Answers with one line per rule and element that breaks it.
const ASK: &str = "const done = arguments[0]; axe.run().then(found => done(found.violations.flatMap(\
    rule => rule.nodes.slice(0, 3).map(node => `${rule.id}: ${node.target.join(' ')}: ${node.html.slice(0, 120)}`))))";

#[tokio::test]
async fn axe_finds_nothing_on_any_page() {
    let Some(panel) = Panel::start().await else {
        return;
    };
    let source = source();
    let mut found = String::new();

    let unowned = Panel::unowned().await.expect("as above");
    let first = Browser::start(&unowned.base, Scripts::On).await;
    first.open("/first-run").await;
    check(&first, "/first-run", &source, &mut found).await;
    for (field, typed) in [
        ("name", "Rhona Fleet"),
        ("email", "owner@pilothouse.test"),
        ("password", "correct horse battery"),
        ("again", "something else"),
    ] {
        first.fill(field, typed).await;
    }
    first.click("main form button").await;
    first.find(".error-summary").await;
    check(&first, "/first-run with errors", &source, &mut found).await;
    drop((first, unowned));

    let stranger = Browser::start(&panel.base, Scripts::On).await;
    for path in places::SIGNED_OUT {
        stranger.open(path).await;
        check(&stranger, path, &source, &mut found).await;
    }
    drop(stranger);

    let browser = panel.browser(Scripts::On).await;
    let paths = places::fill(&panel, &browser).await;
    for path in &paths {
        browser.open(path).await;
        check(&browser, path, &source, &mut found).await;
    }
    for (name, form) in places::FORMS {
        places::reach(&panel, &browser, form).await;
        check(&browser, name, &source, &mut found).await;
    }
    assert!(found.is_empty(), "{found}");
}

/// The script.
pub fn source() -> String {
    let source = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/browser/node_modules/axe-core/axe.min.js"
    ));
    source.expect("axe-core; tests/install.sh installs it")
}

/// Looks at the page that is open, and adds what it finds.
pub async fn check(browser: &Browser, name: &str, source: &str, found: &mut String) {
    let text = browser.text().await;
    let error = text.contains("Error 4") || text.contains("Error 5");
    if error != name.ends_with("/no-such-page") {
        writeln!(found, "{name}: not the page that was meant").expect("a line");
    }
    browser.run(source, vec![]).await;
    for width in WIDTHS {
        browser.resize(width).await;
        for theme in THEMES {
            let dress = "document.documentElement.dataset.theme = arguments[0]";
            browser.run(dress, vec![theme.into()]).await;
            browser.run(SETTLE, vec![]).await;
            let said = browser.run_async(ASK, vec![]).await;
            for line in said
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(Value::as_str)
            {
                writeln!(found, "{name} at {width}, {theme}: {line}").expect("a line");
            }
        }
        let over = "return document.documentElement.scrollWidth - arguments[0]";
        let over = browser
            .run(over, vec![width.into()])
            .await
            .as_i64()
            .unwrap_or_default();
        if over > 1 {
            writeln!(found, "{name} at {width}: scrolls {over} px sideways").expect("a line");
        }
    }
}
