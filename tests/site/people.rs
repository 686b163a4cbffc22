//! Whoever asks: a visitor, or a script with a key. All ask in the same way.
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::app::App;

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Asker<'a> {
    app: &'a App,
    headers: Vec<(String, String)>,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Where the first fault is.
    pub fn pointer(&self) -> String {
        let problem = self.json();
        problem["errors"][0]["pointer"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Fails unless it is that status, as a problem.
    pub fn is_problem(&self, status: u16) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(
            problem["type"].as_str().unwrap().starts_with("/problems/"),
            "{problem}"
        );
        for field in ["title", "detail"] {
            assert!(!problem[field].as_str().unwrap().is_empty(), "{problem}");
        }
        self
    }
}

impl<'a> Asker<'a> {
    /// Nobody in particular.
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            headers: vec![],
        }
    }

    /// With a key.
    pub fn with_key(self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }

    /// The key that it carries.
    pub fn secret(&self) -> String {
        let key = self
            .headers
            .iter()
            .find_map(|(_, value)| value.strip_prefix("Bearer "));
        key.unwrap().to_owned()
    }

    /// With a header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.headers.push((name.to_owned(), value.to_owned()));
        more
    }

    /// Asks.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let content = body.map(|body| ("application/json", body.to_string()));
        self.send_text(method, path, content).await
    }

    /// Asks with any body.
    pub async fn send_text(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Answer {
        let url = format!("{}{path}", self.app.url);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.app.http.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((kind, text)) = body {
            request = request.header("content-type", kind).body(text);
        }
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some(&body)).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, Some(&body)).await
    }

    /// PATCH.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, Some(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, None).await
    }

    /// GET of a stream, which stays open.
    pub async fn open(&self, path: &str) -> reqwest::Response {
        let mut request = self.app.http.get(format!("{}{path}", self.app.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// GET until `enough`, for what the engine does by itself.
    pub async fn get_until(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        for _ in 0..200 {
            let answer = self.get(path).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            last = answer.json();
            if enough(&last) {
                return last;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{path} stays {last}");
    }
}
