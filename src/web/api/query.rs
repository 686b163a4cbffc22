//! The query of a request, read name by name, so that one answer tells every fault and a name that
//! nobody reads is one of them.
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use utoipa::IntoParams;

use super::cursor;
use crate::domain::{Invalid, PageRequest};

/// What can be read from a query.
pub trait FromQuery: Sized {
    /// Takes what it knows; faults are noted in `query`.
    fn read(query: &mut Query) -> Self;
}

/// A query that is being read.
pub struct Query {
    path: String,
    pairs: Vec<(String, String)>,
    faults: Invalid,
    /// Everything but where in the list one is: a cursor belongs to it.
    list: String,
}

impl Query {
    /// Splits a query (WHATWG URL §5.1).
    #[must_use]
    pub fn new(path: &str, raw: &str) -> Self {
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(raw.as_bytes())
            .into_owned()
            .collect();
        let mut rest: Vec<_> = pairs
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "limit"))
            .collect();
        rest.sort();
        Self {
            path: path.to_owned(),
            list: rest
                .iter()
                .fold(path.to_owned(), |mut list, (name, value)| {
                    let _ = write!(list, "\n{name}={value}");
                    list
                }),
            pairs,
            faults: Invalid::default(),
        }
    }

    /// Reads `T` and refuses whatever is left over.
    pub fn finish<T: FromQuery>(mut self) -> Result<T, Invalid> {
        let read = T::read(&mut self);
        for (name, _) in &self.pairs {
            let name = name.replace(char::is_control, "�");
            let detail = format!("There is no query parameter “{name}” here. Leave it out.");
            self.faults.push(&name, detail);
        }
        self.faults.into_result()?;
        Ok(read)
    }

    /// A text without control characters.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        let (_, value) = self.pairs.remove(at);
        if self.pairs.iter().any(|(known, _)| known == name) {
            self.pairs.retain(|(known, _)| known != name);
            self.faults.push(name, "Give it once.");
        }
        if value.chars().any(char::is_control) || value.chars().count() > 2000 {
            self.faults.push(name, "Enter a shorter text, on one line.");
            return None;
        }
        Some(value)
    }

    /// One of a few words; `known` is the list of them for the fault.
    pub fn word<T>(
        &mut self,
        name: &str,
        known: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.text(name)?;
        let parsed = parse(&value);
        if parsed.is_none() {
            self.faults
                .push(name, format!("“{value}” is none of: {known}."));
        }
        parsed
    }

    /// `true` or `false`; `false` when it is not there.
    pub fn flag(&mut self, name: &str) -> bool {
        let parse = |word: &str| word.parse::<bool>().ok();
        self.word(name, "true, false", parse).unwrap_or_default()
    }

    /// A moment (RFC 3339).
    pub fn moment(&mut self, name: &str) -> Option<DateTime<Utc>> {
        let parse = |text: &str| Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
        self.word(name, "a time such as 2026-11-24T08:00:00Z", parse)
    }

    /// The order of a list that has one.
    pub fn order(&mut self, only: &str) {
        self.word("sort", only, |word| (word == only).then_some(()));
    }

    /// A whole number within a range.
    pub fn number(&mut self, name: &str, least: u32, most: u32) -> Option<u32> {
        let value = self.text(name)?;
        let number = value.parse().ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            let detail = format!("Enter a whole number from {least} to {most}.");
            self.faults.push(name, detail);
        }
        number
    }
}

/// No query at all.
pub struct Plain;

impl FromQuery for Plain {
    fn read(_: &mut Query) -> Self {
        Self
    }
}

/// The query of a change. Whether it is a dry run is known to the [`crate::store::Cx`].
pub struct Change;

impl FromQuery for Change {
    fn read(query: &mut Query) -> Self {
        query.flag("dry_run");
        Self
    }
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the fields are for the document")]
pub struct PagingParams {
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Where to go on: the `next_cursor` of the page before, with the same filters.
    cursor: Option<String>,
}

/// Which part of a list, read.
pub struct Paging {
    /// For the use-case.
    pub request: PageRequest,
    list: String,
    path: String,
}

impl FromQuery for Paging {
    fn read(query: &mut Query) -> Self {
        let limit = query.number("limit", 1, PageRequest::MAX);
        let after = query.text("cursor").and_then(|cursor| {
            let after = cursor::open(&cursor, &query.list);
            if after.is_none() {
                let detail = "This cursor is not ours, or belongs to another list. \
                              Begin again without it.";
                query.faults.push("cursor", detail);
            }
            after
        });
        Self {
            request: PageRequest {
                limit: limit.unwrap_or(PageRequest::DEFAULT),
                after,
            },
            list: query.list.clone(),
            path: query.path.clone(),
        }
    }
}

impl Paging {
    /// The cursor after this page.
    #[must_use]
    pub fn cursor(&self, next: &[String]) -> String {
        cursor::seal(next, &self.list)
    }

    /// The address of the page after this one.
    #[must_use]
    pub fn next_page(&self, cursor: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for line in self.list.lines().skip(1) {
            if let Some((name, value)) = line.split_once('=') {
                query.append_pair(name, value);
            }
        }
        query.append_pair("limit", &self.request.limit.to_string());
        query.append_pair("cursor", cursor);
        format!("{}?{}", self.path, query.finish())
    }
}

impl<A: FromQuery, B: FromQuery> FromQuery for (A, B) {
    fn read(query: &mut Query) -> Self {
        (A::read(query), B::read(query))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults<T: FromQuery>(raw: &str) -> Vec<String> {
        let read = Query::new("/api/v1/tenants", raw).finish::<T>();
        let invalid = read.err().unwrap_or_default();
        invalid
            .errors
            .into_iter()
            .map(|fault| fault.pointer)
            .collect()
    }

    #[test]
    fn a_parameter_that_nobody_reads_is_refused() {
        assert_eq!(faults::<Plain>("surprise=1"), ["/surprise"]);
        assert_eq!(faults::<Change>("dry_run=true&x=1"), ["/x"]);
    }

    #[test]
    fn a_limit_outside_its_range_is_refused() {
        for raw in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=ten",
            "limit=",
            "limit=5&limit=6",
        ] {
            assert_eq!(faults::<Paging>(raw), ["/limit"], "{raw}");
        }
        assert!(faults::<Paging>("limit=200").is_empty());
    }

    #[test]
    fn a_cursor_goes_on_in_its_own_list_only() {
        let (first, _): (Paging, Free) = Query::new("/a", "limit=2&q=ann")
            .finish()
            .unwrap_or_else(|_| panic!());
        let cursor = first.cursor(&["ann@acme.test".to_owned()]);
        let (next, _): (Paging, Free) = Query::new("/a", &format!("q=ann&cursor={cursor}&limit=9"))
            .finish()
            .unwrap_or_else(|_| panic!());
        assert_eq!(next.request.after, Some(vec!["ann@acme.test".to_owned()]));
        assert_eq!(first.next_page("c"), "/a?q=ann&limit=2&cursor=c");
        for raw in [
            format!("q=bob&cursor={cursor}"),
            format!("cursor={cursor}"),
            "cursor=abc".into(),
        ] {
            assert!(
                Query::new("/a", &raw).finish::<(Paging, Free)>().is_err(),
                "{raw}"
            );
        }
    }

    struct Free;
    impl FromQuery for Free {
        fn read(query: &mut Query) -> Self {
            query.text("q");
            Self
        }
    }
}
