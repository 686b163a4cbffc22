//! One headless Chromium with its driver, and the few moves the tests make in it.
use std::time::{Duration, Instant};

use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::driver::{Driver, PATIENCE};

/// What keeps Chromium from the network, from the screen and from what earlier runs left.
const FLAGS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Whether pages may run scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    On,
    Off,
}

/// A browser on one panel.
pub struct Browser {
    client: Client,
    base: String,
    _driver: Driver,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// A fresh browser; `base` goes before every path.
    pub async fn start(base: &str, scripts: Scripts) -> Self {
        let driver = Driver::start().await;
        let profile = tempfile::tempdir().expect("a folder for the profile");
        let mut flags: Vec<_> = FLAGS.map(str::to_owned).into();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        let mut options = json!({ "binary": "/usr/bin/chromium", "args": flags });
        if scripts == Scripts::Off {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities = json!({ "goog:chromeOptions": options });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().expect("an object").clone())
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("a session of Chromium");
        let browser = Self {
            client,
            base: base.to_owned(),
            _driver: driver,
            _profile: profile,
        };
        assert_eq!(browser.runs_scripts().await, scripts == Scripts::On);
        browser
    }

    async fn runs_scripts(&self) -> bool {
        let page = "data:text/html,<title>off</title><script>document.title='on'</script>";
        self.client.goto(page).await.expect("a page of our own");
        self.client.title().await.expect("its title") == "on"
    }

    pub async fn open(&self, path: &str) {
        let url = format!("{}{path}", self.base);
        self.client.goto(&url).await.expect("the page");
    }

    pub async fn reload(&self) {
        self.client.refresh().await.expect("the page again");
    }

    /// Path and query of where the browser is.
    pub async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("an address");
        url.as_str().trim_start_matches(&self.base).to_owned()
    }

    /// The first element of a CSS selector; fails with what the page says when it does not come.
    pub async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(Duration::from_secs(10));
        match wait.for_element(Locator::Css(css)).await {
            Ok(element) => element,
            Err(fault) => panic!("{css}: {fault}\n{}", self.text().await),
        }
    }

    pub async fn click(&self, css: &str) {
        let clicked = self.find(css).await.click().await;
        clicked.unwrap_or_else(|fault| panic!("{css}: {fault}"));
    }

    /// Presses the button or follows the link of these words.
    pub async fn press(&self, words: &str) {
        let xpath = format!("//main//*[self::button or self::a][normalize-space()='{words}']");
        let wait = self.client.wait().at_most(Duration::from_secs(10));
        match wait.for_element(Locator::XPath(&xpath)).await {
            Ok(element) => element.click().await.expect("a click"),
            Err(fault) => panic!("“{words}”: {fault}\n{}", self.text().await),
        }
    }

    /// Presses the mouse down on an element and does not let go.
    pub async fn hold(&self, css: &str) {
        let button = self.find(css).await;
        let down = MouseActions::new("mouse".to_owned())
            .then(PointerAction::MoveToElement {
                element: button,
                duration: None,
                x: 0.0,
                y: 0.0,
            })
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            });
        self.client.perform_actions(down).await.expect("a press");
    }

    /// Lets go of the mouse.
    pub async fn let_go(&self) {
        let up = MouseActions::new("mouse".to_owned()).then(PointerAction::Up {
            button: MOUSE_BUTTON_LEFT,
        });
        self.client.perform_actions(up).await.expect("a release");
    }

    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name=\"{name}\"]")).await;
        field.clear().await.expect("an empty field");
        field.send_keys(text).await.expect("a filled field");
    }

    /// What a person reads in the page now.
    pub async fn text(&self) -> String {
        for _ in 0..5 {
            // The page may be replaced between finding and reading.
            let Ok(body) = self.client.find(Locator::Css("body")).await else {
                continue;
            };
            if let Ok(text) = body.text().await {
                return text;
            }
        }
        panic!("the page has no text");
    }

    /// Fails unless the page says all of it.
    pub async fn expect(&self, words: &[&str]) {
        let text = self.text().await;
        for word in words {
            assert!(text.contains(word), "no “{word}” in\n{text}");
        }
    }

    /// Waits until the page says it; `scripts` says whether it comes by itself or by asking again.
    pub async fn wait_for(&self, words: &str, scripts: Scripts) {
        let begin = Instant::now();
        while !self.text().await.contains(words) {
            assert!(
                begin.elapsed() < PATIENCE,
                "“{words}” never came to {}\n{}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(400)).await;
            if scripts == Scripts::Off {
                self.reload().await;
            }
        }
    }

    /// Waits until the address of the page has it.
    pub async fn wait_for_path(&self, part: &str) {
        let begin = Instant::now();
        while !self.path().await.contains(part) {
            assert!(
                begin.elapsed() < PATIENCE,
                "{} is not {part}\n{}",
                self.path().await,
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Signs in by the form.
    pub async fn sign_in(&self, email: &str, password: &str) {
        self.open("/sign-in").await;
        self.fill("email", email).await;
        self.fill("password", password).await;
        self.click("form button[type=submit]").await;
        self.wait_for_path("/t/").await;
    }

    /// Types a key as if at the keyboard, wherever the focus is.
    pub async fn key(&self, key: fantoccini::key::Key) {
        let focused = self.client.active_element().await.expect("a focus");
        let typed = focused.send_keys(&char::from(key).to_string()).await;
        typed.expect("a key press");
    }

    pub async fn type_text(&self, text: &str) {
        let focused = self.client.active_element().await.expect("a focus");
        focused.send_keys(text).await.expect("typed text");
    }

    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        let ran = self.client.execute(script, arguments).await;
        ran.unwrap_or_else(|fault| panic!("{script:.80}: {fault}"))
    }

    /// A script that answers through its last argument.
    pub async fn run_async(&self, script: &str, arguments: Vec<Value>) -> Value {
        let ran = self.client.execute_async(script, arguments).await;
        ran.unwrap_or_else(|fault| panic!("{script:.80}: {fault}"))
    }

    /// Lays the page out for a screen of that width; a window of Chromium does not get this narrow.
    pub async fn resize(&self, width: u32) {
        let mobile = width < 600;
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile });
        let command = Devtools("Emulation.setDeviceMetricsOverride", screen);
        self.client.issue_cmd(command).await.expect("another width");
    }
}

/// A command of Chromium's own protocol, by chromedriver.
#[derive(Debug)]
struct Devtools(&'static str, Value);

impl WebDriverCompatibleCommand for Devtools {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (reqwest::Method, Option<String>) {
        let body = json!({ "cmd": self.0, "params": self.1 });
        (reqwest::Method::POST, Some(body.to_string()))
    }
}
