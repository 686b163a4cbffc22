//! The program as it is installed, over loopback with a session, while one customer has a thousand
//! and a hundred thousand mailboxes. `make bench` prints it; nothing here fails for being slow.
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use pilothouse::authz::Role;
use pilothouse::domain::Clock;
use reqwest::Method;

use super::{Mould, fill};
use crate::hosting::Hosting;
use crate::support::world::{PASSWORD, email_of};

/// Each page is asked for so often; the median counts.
const TURNS: usize = 7;

#[tokio::test]
#[ignore = "make bench runs it: it fills a database with 100,000 mailboxes"]
async fn what_the_whole_panel_costs_at_a_thousand_and_at_a_hundred_thousand_mailboxes() {
    let (small, large) = (measure(1_000).await, measure(100_000).await);
    println!("{:<44}{:>14}{:>14}{:>8}", "", "1,000", "100,000", "ratio");
    for ((what, small, unit), (_, large, _)) in small.into_iter().zip(large) {
        let ratio = large / small;
        println!("{what:<44}{small:>11.1} {unit}{large:>11.1} {unit}{ratio:>8.1}");
    }
}

async fn measure(rows: usize) -> Vec<(&'static str, f64, &'static str)> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let hosting = Hosting::new().await;
    crowd(&hosting, rows).await;
    let panel = Panel::start(hosting.world.database.url()).await;
    let mut bench = Bench {
        customer: panel.sign_in(&email_of("acme", Role::Owner)).await,
        platform: panel.sign_in(&email_of("platform", Role::Owner)).await,
        figures: vec![],
        hosting,
        panel,
    };
    bench.memory("memory: at the start", "VmRSS");
    bench.lists(rows).await;
    bench.batch().await;
    bench.memory("memory: after all of it", "VmRSS");
    bench.memory("memory: at most", "VmHWM");
    bench.figures
}

/// POP/IMAP mailboxes; one in ten was used this week, one in a thousand is in no state to be
/// converted.
async fn crowd(hosting: &Hosting, rows: usize) {
    let used = (Clock::System.now() - TimeDelta::days(2)).to_rfc3339();
    let some = |every: usize, this: &str, that: &str| {
        format!("CASE WHEN n % {every} = 0 THEN {this} ELSE {that} END")
    };
    let last_used = some(10, &format!("'{{\"pop3\": \"{used}\"}}'"), "last_used");
    let last_used_at = some(10, &format!("'{used}'"), "last_used_at");
    let state = some(1_000, "'pending'", "state");
    let mould = Mould::from([
        ("kind", "'pop_imap'".to_owned()),
        ("last_used", last_used),
        ("last_used_at", last_used_at),
        ("state", state),
    ]);
    // With the one that the others are like: no draft takes more than 100,000.
    fill(hosting, rows - 1, &mould).await;
    settled(hosting).await;
}

/// What Postgres does by itself within a minute, once many rows have changed.
async fn settled(hosting: &Hosting) {
    if hosting.world.database.is_postgres() {
        hosting.sql("VACUUM ANALYZE").await;
    }
}

struct Bench {
    hosting: Hosting,
    panel: Panel,
    customer: String,
    platform: String,
    figures: Vec<(&'static str, f64, &'static str)>,
}

impl Bench {
    async fn lists(&mut self, rows: usize) {
        let last = format!("[\"m{:06}@acme.test\"]", rows * 9 / 10);
        let far = format!("?after={}", BASE64_URL_SAFE_NO_PAD.encode(last));
        for (what, path) in [
            ("overview, customer", ""),
            ("tab POP/IMAP, first page", "/mailboxes/pop-imap"),
            ("tab, far in", &format!("/mailboxes/pop-imap{far}")),
            ("tab, searched for one", "/mailboxes/pop-imap?q=m000777"),
            ("tab, searched for many", "/mailboxes/pop-imap?q=shared"),
            ("tab, used within 30 days", "/mailboxes/pop-imap?used=30"),
            ("tab, in one domain", "/mailboxes/pop-imap?domain=acme.test"),
            ("kept mailboxes", "/mailboxes/kept"),
            ("domains", "/domains"),
            ("one mailbox", "/mailboxes/m000777@acme.test"),
            ("audit", "/audit"),
        ] {
            self.page(what, path).await;
        }
        self.overview_of_platform("overview, platform").await;
    }

    async fn batch(&mut self) {
        let begun = Instant::now();
        let draft = "/t/acme/conversions/drafts";
        let chosen = "by=filter&to=exchange";
        let batch = self.post("making a draft of all", draft, chosen).await;
        while self
            .hosting
            .count("conversion_selections WHERE checked_at IS NULL")
            .await
            > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.took("looking at all of it", begun);
        settled(&self.hosting).await;
        let page = batch.trim_start_matches("/t/acme").to_owned();
        for (what, group) in [
            ("the draft", "?"),
            ("those ready", "?group=ready"),
            ("those in use", "?group=used:pop3"),
            ("a group of few", "?group=blocker:not_ready"),
            ("a group of none", "?group=move"),
            ("the draft as CSV", "/choices.csv"),
        ] {
            self.page(what, &format!("{page}{group}")).await;
        }
        self.post("confirming", &format!("{batch}/confirmation"), "when=now")
            .await;
        settled(&self.hosting).await;
        self.rows_of(&page, ["the batch", "its queued", "its failed: none"])
            .await;
        self.post("pausing", &format!("{batch}/pause"), "").await;
        self.fail_all().await;
        self.rows_of(
            &page,
            ["the batch, all failed", "its queued: none", "its failed"],
        )
        .await;
        self.page("overview, all failed, customer", "").await;
        self.overview_of_platform("overview, all failed, platform")
            .await;
        self.post("trying all again", &format!("{batch}/retry"), "")
            .await;
        self.post("cancelling all", &format!("{batch}/cancellation"), "")
            .await;
    }

    async fn rows_of(&mut self, page: &str, what: [&'static str; 3]) {
        for (what, state) in what
            .into_iter()
            .zip(["?", "?state=queued", "?state=failed"])
        {
            self.page(what, &format!("{page}{state}")).await;
        }
    }

    /// As if the server had refused every one of them.
    async fn fail_all(&self) {
        let now = Clock::System.now().to_rfc3339();
        let failed = format!(
            "UPDATE conversion_items SET state = 'failed', place = 'over', waiting_for = NULL, \
             error = 'It refused.', lease_owner = NULL, lease_until = NULL, next_try_at = NULL, \
             started_at = '{now}', finished_at = '{now}'"
        );
        self.hosting
            .sql("UPDATE mailboxes SET converting_item = NULL")
            .await;
        self.hosting.sql(&failed).await;
        settled(&self.hosting).await;
    }

    async fn page(&mut self, what: &'static str, path: &str) {
        let (path, by) = (format!("/t/acme{path}"), self.customer.clone());
        self.asked(what, &by, &path).await;
    }

    async fn overview_of_platform(&mut self, what: &'static str) {
        let by = self.platform.clone();
        self.asked(what, &by, "/t/platform").await;
    }

    async fn asked(&mut self, what: &'static str, by: &str, path: &str) {
        let mut turns = vec![];
        for _ in 0..TURNS {
            let begun = Instant::now();
            let (status, _, text) = self.panel.ask(Method::GET, path, by, "").await;
            turns.push(begun.elapsed());
            assert_eq!(status, 200, "{path}: {text}");
        }
        turns.sort();
        self.figures
            .push((what, milliseconds(turns[TURNS / 2]), "ms"));
    }

    /// Where it leads.
    async fn post(&mut self, what: &'static str, path: &str, form: &str) -> String {
        let begun = Instant::now();
        let sent = self.panel.ask(Method::POST, path, &self.customer, form);
        let (status, headers, text) = sent.await;
        self.took(what, begun);
        assert_eq!(status, 303, "{path}: {text}");
        headers.get("location").cloned().unwrap_or_default()
    }

    fn took(&mut self, what: &'static str, begun: Instant) {
        self.figures
            .push((what, milliseconds(begun.elapsed()), "ms"));
    }

    /// A line of proc(5), in kB there.
    fn memory(&mut self, what: &'static str, line: &str) {
        let status = format!("/proc/{}/status", self.panel.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status
            .lines()
            .find(|found| found.starts_with(line))
            .unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        self.figures.push((what, kilobytes / 1024.0, "MB"));
    }
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// The panel in a process of its own, killed when it is dropped.
struct Panel {
    process: Child,
    base: String,
    http: reqwest::Client,
}

impl Drop for Panel {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Panel {
    async fn start(database: &str) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap().to_string();
        drop(free);
        let process = Command::new(env!("CARGO_BIN_EXE_pilothouse"))
            .arg("serve")
            .env_clear()
            .env("PILOTHOUSE_DATABASE__URL", database)
            .env("PILOTHOUSE_SECRETS__KEY", BASE64_STANDARD.encode([7; 32]))
            .env("PILOTHOUSE_LISTEN", &listen)
            .env("PILOTHOUSE_LOG__FILTER", "error")
            .env("MALLOC_ARENA_MAX", "1")
            .env("MALLOC_MMAP_THRESHOLD_", "262144")
            .env("MALLOC_TRIM_THRESHOLD_", "131072")
            .stdout(Stdio::null())
            .spawn();
        let direct = reqwest::redirect::Policy::none();
        let panel = Self {
            process: process.unwrap(),
            base: format!("http://{listen}"),
            http: reqwest::Client::builder().redirect(direct).build().unwrap(),
        };
        let ready = format!("{}/readyz", panel.base);
        while panel.http.get(&ready).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panel
    }

    /// The cookie of a new session.
    async fn sign_in(&self, email: &str) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("email", email), ("password", PASSWORD)])
            .finish();
        let (status, headers, text) = self.ask(Method::POST, "/sign-in", "", &form).await;
        assert_eq!(status, 303, "{text}");
        let (cookie, _) = headers["set-cookie"].split_once(';').unwrap();
        cookie.to_owned()
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        cookie: &str,
        form: &str,
    ) -> (u16, HashMap<String, String>, String) {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .header("cookie", cookie)
            .header("origin", &self.base)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        let answer = request.send().await.unwrap();
        let header =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap().to_owned())
            };
        let headers = answer.headers().iter().map(header).collect();
        (
            answer.status().as_u16(),
            headers,
            answer.text().await.unwrap(),
        )
    }
}
