//! A script that uses the REST API as one should: it asks again until it has an answer, and an
//! `Idempotency-Key` keeps what it asks for from happening twice.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::clients;

/// How long it asks for one thing before it says that nobody answers.
const PATIENCE: Duration = Duration::from_mins(3);

/// Talks to whichever panel answers.
pub struct Script {
    bases: Vec<String>,
    key: String,
    turn: AtomicUsize,
}

impl Script {
    /// Asks at that panel, with a key of its own.
    pub fn new(base: &str, key: String) -> Self {
        Self {
            bases: vec![base.to_owned()],
            key,
            turn: AtomicUsize::default(),
        }
    }

    /// Asks at this panel too, in turn.
    pub fn also_asks(&mut self, base: &str) {
        self.bases.push(base.to_owned());
    }

    /// Reads; `None` when it is not there.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = self.ask(Method::GET, path, None).await;
        match status {
            StatusCode::NOT_FOUND => None,
            status if status.is_success() => Some(body),
            status => panic!("GET {path}: {status} {body}"),
        }
    }

    /// Makes something, once.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "POST {path}: {status} {answer}");
        answer
    }

    /// The same, where a refusal is an answer too.
    pub async fn try_post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let (status, answer) = self.ask(Method::POST, path, Some(body)).await;
        if status.is_success() {
            return Ok(answer);
        }
        Err(format!("{status} {answer}"))
    }

    /// Asks until there is an answer; one that died with the panel is read where it leads.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let once = format!("chaos-{:032x}", rand::random::<u128>());
        let begun = Instant::now();
        let mut last = String::new();
        while begun.elapsed() < PATIENCE {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.bases.len();
            let url = format!("{}/api/v1{path}", self.bases[turn]);
            let mut request = clients::http()
                .request(method.clone(), url)
                .bearer_auth(&self.key)
                .timeout(Duration::from_secs(20));
            if let Some(body) = body {
                request = request.header("Idempotency-Key", &once).json(body);
            }
            match answered(request).await {
                Ok((_, answer, Some(made))) if answer["type"] == "/problems/answer-lost" => {
                    let made = made.trim_start_matches("/api/v1");
                    return Box::pin(self.ask(Method::GET, made, None)).await;
                }
                Ok((status, answer, _)) if is_final(status, &answer) => return (status, answer),
                Ok((status, answer, _)) => last = format!("{status} {answer}"),
                Err(fault) => last = fault.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("{method} {path}: no answer within {PATIENCE:?}; last: {last}");
    }
}

/// Not when the panel could not (5xx), or is at it still, or was too slow to hear (408).
fn is_final(status: StatusCode, answer: &Value) -> bool {
    !status.is_server_error()
        && status != StatusCode::REQUEST_TIMEOUT
        && answer["type"] != "/problems/under-way"
}

/// Status, body, and where it leads.
type Answer = (StatusCode, Value, Option<String>);

async fn answered(request: reqwest::RequestBuilder) -> Result<Answer, reqwest::Error> {
    let answer = request.send().await?;
    let status = answer.status();
    let location = answer.headers().get("location");
    let location = location.and_then(|text| Some(text.to_str().ok()?.to_owned()));
    let text = answer.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok((status, body, location))
}
