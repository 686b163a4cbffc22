//! Paging in pages: from the query that was asked to the addresses of the pages before and after.
//! A list is paged by key, which only leads on; the way back is carried along in the query.
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Deserialize;

use super::error::Problem;
use crate::domain::PageRequest;

/// Pages that the way back remembers; from further on it leads to the first.
const REMEMBERED: usize = 20;

/// The part of a query that says which page is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// The key after which the page begins.
    #[serde(default)]
    pub after: String,
    /// Where the pages before began, the first left out, separated by dots.
    #[serde(default)]
    pub back: String,
}

/// The addresses beside a list; "" where there is no such page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The page before.
    pub back: String,
    /// The page after.
    pub on: String,
}

impl Place {
    /// What a use-case is asked for. A key that is not ours is a page that does not exist.
    pub fn request(&self) -> Result<PageRequest, Problem> {
        let mut request = PageRequest::first();
        if !self.after.is_empty() {
            request.after = Some(read(&self.after).ok_or_else(Problem::no_such_path)?);
        }
        Ok(request)
    }

    /// The pages around this one. `query` is what else was asked for; `next` comes from the list.
    #[must_use]
    pub fn links(&self, path: &str, query: &[(&str, &str)], next: Option<&[String]>) -> Links {
        let mut way: Vec<&str> = self.back.split('.').filter(|key| !key.is_empty()).collect();
        let back = match (self.after.is_empty(), way.split_last()) {
            (true, _) => String::new(),
            (false, None) => address(path, query, "", &[]),
            (false, Some((last, before))) => address(path, query, last, before),
        };
        if !self.after.is_empty() {
            way.push(&self.after);
        }
        let way = &way[way.len().saturating_sub(REMEMBERED)..];
        let on = next.map_or_else(String::new, |key| address(path, query, &write(key), way));
        Links { back, on }
    }
}

/// What was typed into a filter; nothing when it is blank. Postgres takes no NUL.
#[must_use]
pub fn typed(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.replace('\0', ""))
}

/// A path with a query; pairs without a value are left out.
#[must_use]
pub fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    address(path, query, "", &[])
}

fn address(path: &str, query: &[(&str, &str)], after: &str, back: &[&str]) -> String {
    let back = back.join(".");
    let pairs = query
        .iter()
        .copied()
        .chain([("after", after), ("back", &back)]);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs.filter(|(_, value)| !value.is_empty()))
        .finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

fn write(key: &[String]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

fn read(text: &str) -> Option<Vec<String>> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
    let key: Vec<String> = serde_json::from_slice(&bytes).ok()?;
    // Postgres takes no NUL, and no key of ours has one.
    let own = !key.is_empty() && !key.iter().any(|part| part.contains('\0'));
    own.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(address: &str) -> Place {
        let query = address.split_once('?').map_or("", |(_, query)| query);
        let mut place = Place::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "after" => place.after = value.into_owned(),
                "back" => place.back = value.into_owned(),
                _ => {}
            }
        }
        place
    }

    #[test]
    fn the_way_back_is_the_way_one_came() {
        let key = |page: usize| vec![format!("{page}@acme.test"), "x".to_owned()];
        let mut visited = vec![Place::default()];
        for page in 0..5 {
            let here = visited.last().unwrap();
            let on = here.links("/list", &[("q", "ann")], Some(&key(page))).on;
            assert!(on.starts_with("/list?q=ann&after="), "{on}");
            visited.push(follow(&on));
            assert_eq!(
                visited.last().unwrap().request().unwrap().after,
                Some(key(page))
            );
        }
        while let Some(here) = visited.pop() {
            let back = here.links("/list", &[("q", "ann")], None).back;
            match visited.last() {
                Some(before) => assert_eq!(follow(&back), *before),
                None => assert_eq!(back, ""),
            }
        }
    }

    #[test]
    fn a_key_that_is_not_ours_is_a_page_that_does_not_exist() {
        for after in ["x", "W10", "bnVsbA"] {
            let place = Place {
                after: after.to_owned(),
                ..Place::default()
            };
            assert!(place.request().is_err(), "{after}");
        }
    }

    #[test]
    fn the_last_page_leads_nowhere_on() {
        let links = Place::default().links("/list", &[("q", "")], None);
        assert_eq!((links.back.as_str(), links.on.as_str()), ("", ""));
        assert_eq!(with_query("/list", &[("q", "")]), "/list");
    }
}
