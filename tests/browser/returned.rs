//! What people see of letters that came back, and of a mailbox for them that cannot be read.
use crate::axe;
use crate::browser::Scripts;
use crate::panel::Panel;
use crate::places;

/// Letters go into a folder; nobody answers where they would come back to.
const MAIL: &str = "[mail]\ntransport = \"file\"\nfrom = \"panel@hosting.test\"\nfolder = \
    \"{at}/mail\"\n[mail.bounces]\nhost = \"127.0.0.1\"\nport = 9\nsecurity = \"none\"\nusername = \
    \"returns@hosting.test\"\npassword = \"secret\"\n";

const UNREAD: &str = "What mail servers return is not seen at the moment.";
const WHOSE: &str = "returns@hosting.test at 127.0.0.1:9 cannot be read.";

#[tokio::test]
async fn a_letter_that_came_back_and_a_mailbox_that_cannot_be_read_are_said() {
    let Some(panel) = Panel::start_with(MAIL).await else {
        return;
    };
    panel.add_user("ada", "Ada Holm", "pop_imap").await;
    let ada = panel.address("ada");
    panel.wait_until_open(&ada).await;
    let browser = panel.browser(Scripts::On).await;
    places::convert(&panel, &browser, &ada).await;
    browser.open(&panel.at("/messages")).await;
    browser.wait_for("Sent 2", Scripts::Off).await;
    let said = format!(
        "It could not be delivered to {ada}. mail-7.hosting.test said: 552 5.2.2 <{ada}> Quota \
         exceeded (mailbox for user is full)"
    );
    let came_back = format!(
        "UPDATE messages SET state = 'bounced', said = '{said}', returned_at = sent_at \
         WHERE state = 'sent' AND moment = 'after'"
    );
    assert_eq!(panel.sql(&came_back).await, 1);

    let (source, mut found) = (axe::source(), String::new());
    browser.open(&panel.at("/messages")).await;
    browser.expect(&[UNREAD, "Bounced", said.as_str()]).await;
    // Which mailbox it is concerns only those who run the panel.
    assert!(!browser.text().await.contains("returns@"));
    axe::check(&browser, "the messages", &source, &mut found).await;
    browser.click("main table a[href*=\"/messages/\"]").await;
    browser.wait_for_path("/messages/").await;
    let words = ["It was taken, and came back.", "Came back", "Send again"];
    browser.expect(&words).await;
    browser.expect(&[said.as_str()]).await;
    axe::check(&browser, "a letter that came back", &source, &mut found).await;
    browser.open("/t/platform/messages").await;
    browser.expect(&[UNREAD, WHOSE]).await;
    axe::check(&browser, "the platform's messages", &source, &mut found).await;
    browser.open("/t/platform").await;
    let words = ["What mail servers return is not seen", WHOSE];
    browser.expect(&words).await;
    axe::check(&browser, "the platform", &source, &mut found).await;
    assert!(found.is_empty(), "{found}");
}
