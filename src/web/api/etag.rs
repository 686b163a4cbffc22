//! `ETag`, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3, §13.1). A tag is
//! `"<what was asked for>-<digest of the whole>"`: a reader is told about every change, also of
//! what was seen on the server, and a writer is refused only when somebody else asked for one.
use actix_web::HttpRequest;
use actix_web::http::header;
use sha2::{Digest as _, Sha256};

use crate::app::AppError;
use crate::domain::Invalid;
use crate::domain::snapshot::hex;
use crate::web::error::Problem;

/// What a request says about versions.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    if_match: Option<String>,
    if_none_match: Option<String>,
}

/// The tag of a body whose changeable part has the version `asked`.
pub fn tag(asked: &str, body: &[u8]) -> String {
    format!("\"{asked}-{}\"", hex(&Sha256::digest(body)[..8]))
}

impl Conditions {
    /// Reads the headers.
    pub fn of(request: &HttpRequest) -> Self {
        let text = |name| {
            let value = request.headers().get(name)?;
            Some(value.to_str().unwrap_or("unreadable").trim().to_owned())
        };
        Self {
            if_match: text(header::IF_MATCH),
            if_none_match: text(header::IF_NONE_MATCH),
        }
    }

    /// The version that a change expects, for the use-case.
    pub fn expected(&self) -> Result<Option<&str>, Problem> {
        match self.if_match.as_deref() {
            None | Some("*") => Ok(None),
            Some(list) if list.contains(',') => {
                Err(Invalid::field("If-Match", "Send one ETag, the one you read last.").into())
            }
            Some(tag) => Ok(Some(asked(tag).ok_or(AppError::Stale)?)),
        }
    }

    /// For changes whose use-case takes no version: compares with the present one, which was read in
    /// the transaction of the change.
    pub fn require(&self, present: &str) -> Result<(), Problem> {
        match self.expected()? {
            Some(expected) if expected != present => Err(AppError::Stale.into()),
            _ => Ok(()),
        }
    }

    /// Whether the reader has this already.
    pub fn has(&self, tag: &str) -> bool {
        self.if_none_match.as_deref().is_some_and(|list| {
            let mut tags = list
                .split(',')
                .map(|one| one.trim().trim_start_matches("W/"));
            list == "*" || tags.any(|one| one == tag)
        })
    }
}

/// The part of a strong tag of ours that says what was asked for.
fn asked(tag: &str) -> Option<&str> {
    let inside = tag.strip_prefix('"')?.strip_suffix('"')?;
    Some(inside.rsplit_once('-')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn if_match(value: &str) -> Conditions {
        Conditions {
            if_match: Some(value.to_owned()),
            if_none_match: None,
        }
    }

    #[test]
    fn a_writer_is_refused_only_when_somebody_asked_for_something_else() {
        let read = tag("5f.4", b"{\"used_bytes\":1}");
        assert!(if_match(&read).require("5f.4").is_ok());
        assert!(if_match(&read).require("60.5").is_err());
        assert!(if_match("*").require("60.5").is_ok());
    }

    #[test]
    fn a_tag_that_is_not_ours_matches_nothing() {
        for tag in ["abc", "\"abc\"", "W/\"5f.4-00\"", ""] {
            assert!(if_match(tag).require("5f.4").is_err(), "{tag}");
        }
    }

    #[test]
    fn a_reader_is_told_about_every_change() {
        let before = tag("5f.4", b"1");
        let conditions = Conditions {
            if_match: None,
            if_none_match: Some(format!("\"x\", W/{before}")),
        };
        assert!(conditions.has(&before));
        assert!(!conditions.has(&tag("5f.4", b"2")));
    }
}
