//! Pages as people see them: by role, label and text, not by markup.
use super::people::{Answer, Asker};

mod api_keys;
mod audit;
mod domains;
mod drafts;
mod imports;
mod mail_servers;
mod mailboxes;
mod overview;
mod seats;
mod tenants;
mod users;

/// Sends a form as a browser does.
pub async fn submit(person: &Asker<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let form = Some(("application/x-www-form-urlencoded", body));
    person.send_text("POST", path, form).await
}

/// A page that is there, with its words as a reader sees them.
pub async fn page(person: &Asker<'_>, path: &str) -> String {
    let answer = person.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    words(&answer.text)
}

/// The words of a page: no tags, no entities, single spaces.
pub fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                text.push(' ');
            }
            c if !inside => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&#38;", "&").replace("&#39;", "'");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
