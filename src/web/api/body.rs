//! The body of a request: JSON, read whole, every fault at its field.
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::Invalid;
use crate::domain::invalid::FieldError;
use crate::web::error::Problem;

/// Bytes of a body: a draft of a hundred thousand addresses fits.
pub const LIMIT: usize = 8 << 20;

/// What can be read from a body.
pub trait FromBody: Sized {
    /// Reads it.
    fn read(request: &HttpRequest, payload: Payload)
    -> impl Future<Output = Result<Self, Problem>>;
}

/// Whatever is sent is left unread.
pub struct NoBody;

impl FromBody for NoBody {
    async fn read(_: &HttpRequest, _: Payload) -> Result<Self, Problem> {
        Ok(Self)
    }
}

/// A JSON object.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromBody for Json<T> {
    async fn read(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        check_type(request)?;
        Ok(Self(parse(&whole(payload).await?)?))
    }
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE);
    let sent = sent
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = sent
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(()),
        // RFC 7396.
        "application/merge-patch+json" if request.method() == "PATCH" => Ok(()),
        _ => Err(Problem::unsupported_media_type("application/json")),
    }
}

/// The whole body, if it is not too large.
pub async fn whole(mut payload: Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::from(fault("", "The body ended too early.")))?;
        if body.len() + chunk.len() > LIMIT {
            return Err(Problem::too_large(LIMIT));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Two steps: text to JSON, JSON to `T`. In between, no string has a NUL, which Postgres cannot keep.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Invalid> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| fault("", format!("The body is not JSON: {error}.")))?;
    if !value.is_object() {
        return Err(fault("", "Send a JSON object."));
    }
    let mut faults = Invalid::default();
    refuse_nul(&value, "", &mut faults);
    faults.into_result()?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, &error.into_inner().to_string())
    })
}

fn refuse_nul(value: &Value, at: &str, faults: &mut Invalid) {
    match value {
        Value::String(text) if text.contains('\0') => faults.errors.push(FieldError {
            pointer: at.to_owned(),
            detail: "Leave out the NUL character.".to_owned(),
        }),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(place, item)| refuse_nul(item, &format!("{at}/{place}"), faults)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, field)| refuse_nul(field, &format!("{at}/{name}"), faults)),
        _ => {}
    }
}

fn fault(pointer: &str, detail: impl Into<String>) -> Invalid {
    Invalid {
        errors: vec![FieldError {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        }],
    }
}

/// serde's words, at the field they are about. `path` is like `mailbox.kind` or `items[2]`; a field
/// that is missing or unknown is named in the words only.
fn explain(path: &str, said: &str) -> Invalid {
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let base = if path == "." {
        String::new()
    } else {
        format!("/{path}")
    };
    let mut pointer = base.replace(['.', '['], "/").replace(']', "");
    let name = quoted(said);
    let detail = if said.starts_with("missing field") {
        pointer = format!("{pointer}/{name}");
        "It is required.".to_owned()
    } else if said.starts_with("unknown field") {
        if !pointer.ends_with(&format!("/{name}")) {
            pointer = format!("{pointer}/{name}");
        }
        let known = said.split_once("expected ").map_or("", |(_, known)| known);
        format!(
            "There is no field “{name}” here; known: {}.",
            known.replace('`', "")
        )
    } else if let Some((_, known)) = said.split_once(", expected one of ").or_else(|| {
        let unknown = said.starts_with("unknown variant");
        said.split_once(", expected ").filter(|_| unknown)
    }) {
        format!(
            "“{name}” is none of: {}.",
            known.replace('`', "").replace(" or ", ", ")
        )
    } else {
        format!("It cannot be read: {said}.")
    };
    fault(&pointer, detail)
}

/// A field of a merge patch (RFC 7396): left alone, taken away, or set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Not in the body.
    #[default]
    Absent,
    /// `null`.
    Null,
    /// A value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(from)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> Patch<T> {
    /// For a field that cannot be taken away.
    pub fn required(self, field: &str, faults: &mut Invalid) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
            Self::Null => {
                faults.push(
                    field,
                    "It cannot be empty. Leave it out to keep what is there.",
                );
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only read")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only read")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only read")]
        size: u8,
        #[expect(dead_code, reason = "only read")]
        kind: Option<crate::domain::Kind>,
    }

    fn pointer(body: &str) -> String {
        parse::<Outer>(body.as_bytes()).unwrap_err().errors[0]
            .pointer
            .clone()
    }

    #[test]
    fn a_fault_is_at_its_field() {
        assert_eq!(pointer("{}"), "/name");
        assert_eq!(pointer(r#"{"name": 1}"#), "/name");
        assert_eq!(pointer(r#"{"name": "a", "surprise": 1}"#), "/surprise");
        assert_eq!(
            pointer(r#"{"name": "a", "inner": [{"size": 1}, {"size": 300}]}"#),
            "/inner/1/size"
        );
        assert_eq!(pointer(r#"{"name": "a", "inner": [{}]}"#), "/inner/0/size");
        assert_eq!(
            pointer(r#"{"name": "a", "inner": [{"size": 1, "x": 1}]}"#),
            "/inner/0/x"
        );
        assert_eq!(pointer(r#"{"name": "a\u0000"}"#), "/name");
        assert_eq!(pointer("[]"), "");
        assert_eq!(pointer("{"), "");
    }

    #[test]
    fn a_wrong_word_is_answered_with_the_right_ones() {
        let body = r#"{"name": "a", "inner": [{"size": 1, "kind": "fax"}]}"#;
        let fault = parse::<Outer>(body.as_bytes())
            .unwrap_err()
            .errors
            .remove(0);
        assert_eq!(fault.pointer, "/inner/0/kind");
        assert_eq!(fault.detail, "“fax” is none of: pop_imap, exchange.");
    }
}
