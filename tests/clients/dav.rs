//! A calendar and address book program: `CalDAV` (RFC 4791) and `CardDAV` (RFC 6352).
use std::collections::BTreeMap;

use super::{Doors, http};

/// To a client that does not say what it is, `SOGo` shows one address book and no lists.
const PROGRAM: &str = "calendar-test";

/// One person's calendars and contacts.
pub struct Dav {
    url: String,
    user: String,
    password: String,
}

impl Dav {
    /// A program that is set up with these credentials.
    pub fn new(doors: &Doors, user: &str, password: &str) -> Self {
        Self {
            url: format!("{}/SOGo/dav/{user}", doors.http),
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// The status of a PROPFIND on the person's collection: 207 when open, 401 when refused.
    pub async fn propfind(&self) -> Result<u16, String> {
        let method = reqwest::Method::from_bytes(b"PROPFIND").map_err(|f| f.to_string())?;
        self.ask(method, "/", "text/xml", None)
            .await
            .map(|(status, _)| status)
    }

    /// Stores a one-hour event; the status: 201 when new.
    pub async fn put_event(&self, name: &str, summary: &str) -> Result<u16, String> {
        let ics = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Pilothouse//Test//EN\r\nBEGIN:VEVENT\r\n\
             UID:{name}\r\nDTSTAMP:20261124T090000Z\r\nDTSTART:20261201T100000Z\r\n\
             DTEND:20261201T110000Z\r\nSUMMARY:{summary}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let path = format!("/Calendar/personal/{name}.ics");
        let put = self.ask(reqwest::Method::PUT, &path, "text/calendar", Some(ics));
        put.await.map(|(status, _)| status)
    }

    /// The status and text of an event.
    pub async fn get_event(&self, name: &str) -> Result<(u16, String), String> {
        let path = format!("/Calendar/personal/{name}.ics");
        self.ask(reqwest::Method::GET, &path, "text/calendar", None)
            .await
    }

    /// Stores a contact; the status: 201 when new.
    pub async fn put_contact(&self, name: &str, full_name: &str) -> Result<u16, String> {
        let vcf = format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{name}\r\nFN:{full_name}\r\nN:{full_name};;;;\r\n\
             EMAIL:someone@example.org\r\nEND:VCARD\r\n"
        );
        let path = format!("/Contacts/personal/{name}.vcf");
        let put = self.ask(reqwest::Method::PUT, &path, "text/vcard", Some(vcf));
        put.await.map(|(status, _)| status)
    }

    /// The status and text of a contact.
    pub async fn get_contact(&self, name: &str) -> Result<(u16, String), String> {
        let path = format!("/Contacts/personal/{name}.vcf");
        self.ask(reqwest::Method::GET, &path, "text/vcard", None)
            .await
    }

    /// Makes a calendar, with this name and colour.
    pub async fn make_calendar(&self, path: &str, name: &str, color: &str) -> Result<u16, String> {
        let body = format!(
            "<?xml version=\"1.0\"?><C:mkcalendar xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\" \
             xmlns:A=\"http://apple.com/ns/ical/\"><set><prop><displayname>{name}</displayname>\
             <A:calendar-color>{color}</A:calendar-color></prop></set></C:mkcalendar>"
        );
        self.with_body("MKCALENDAR", path, body).await
    }

    /// Makes an address book, then gives it this name.
    pub async fn make_address_book(&self, path: &str, name: &str) -> Result<u16, String> {
        let body = "<?xml version=\"1.0\"?><mkcol xmlns=\"DAV:\" \
                    xmlns:C=\"urn:ietf:params:xml:ns:carddav\"><set><prop><resourcetype><collection/>\
                    <C:addressbook/></resourcetype></prop></set></mkcol>";
        self.with_body("MKCOL", path, body.to_owned()).await?;
        let name = format!("<displayname>{name}</displayname>");
        self.set(path, &name).await
    }

    /// Sets a property of a collection.
    pub async fn set(&self, path: &str, property: &str) -> Result<u16, String> {
        let body = format!(
            "<?xml version=\"1.0\"?><propertyupdate xmlns=\"DAV:\" \
             xmlns:A=\"http://apple.com/ns/ical/\"><set><prop>{property}</prop></set></propertyupdate>"
        );
        self.with_body("PROPPATCH", path, body).await
    }

    /// Stores an item; the status: 201 when new, 204 when it replaced one.
    pub async fn put(&self, path: &str, kind: &str, body: &str) -> Result<u16, String> {
        let put = self.ask(reqwest::Method::PUT, path, kind, Some(body.to_owned()));
        put.await.map(|(status, _)| status)
    }

    /// Removes an item or a collection.
    pub async fn delete(&self, path: &str) -> Result<u16, String> {
        let gone = self.ask(reqwest::Method::DELETE, path, "text/plain", None);
        gone.await.map(|(status, _)| status)
    }

    /// Everything in the person's calendars and address books: each item with its `ETag` and bytes,
    /// each collection with its name, colour and place in the order.
    pub async fn everything(&self) -> Result<BTreeMap<String, String>, String> {
        let mut all = BTreeMap::new();
        for home in ["/Calendar/", "/Contacts/"] {
            for (path, collection) in self.members(home).await? {
                if !collection.contains("<D:collection/>")
                    || ["<directory", "<schedule-inbox"]
                        .iter()
                        .any(|no| collection.contains(no))
                {
                    continue;
                }
                for (item, marks) in self.members(&path).await? {
                    let (status, content) = self
                        .ask(reqwest::Method::GET, &item, "text/plain", None)
                        .await?;
                    if status != 200 {
                        return Err(format!("{item}: {status}"));
                    }
                    all.insert(
                        item,
                        format!("{status} {} {content}", tag(&marks, "getetag")),
                    );
                }
                let look = ["displayname", "calendar-color", "calendar-order"];
                let look: Vec<&str> = look.iter().map(|name| tag(&collection, name)).collect();
                all.insert(path, look.join(" | "));
            }
        }
        Ok(all)
    }

    /// The paths of what is in a collection, as they are on the wire, each with its properties.
    async fn members(&self, path: &str) -> Result<Vec<(String, String)>, String> {
        let body = "<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\" xmlns:A=\"http://apple.com/ns/ical/\">\
                    <prop><resourcetype/><displayname/><getetag/><A:calendar-color/><A:calendar-order/>\
                    </prop></propfind>";
        let request = http()
            .request(method("PROPFIND")?, format!("{}{path}", self.url))
            .basic_auth(&self.user, Some(&self.password))
            .header("User-Agent", PROGRAM)
            .header("Content-Type", "text/xml")
            .header("Depth", "1")
            .body(body);
        let answer = request.send().await.map_err(|fault| fault.to_string())?;
        // Taken for a listing, a refusal would be an empty collection.
        if answer.status().as_u16() != 207 {
            return Err(format!("{path}: {}", answer.status()));
        }
        let text = answer.text().await.map_err(|fault| fault.to_string())?;
        let mut members = vec![];
        for response in text.split("<D:response>").skip(1) {
            let href = tag(response, "href");
            // /SOGo/dav/PERSON/Calendar/…
            let below = href.splitn(5, '/').nth(4).unwrap_or_default();
            let member = format!("/{below}");
            if member != path {
                members.push((member, response.to_owned()));
            }
        }
        Ok(members)
    }

    async fn with_body(&self, verb: &str, path: &str, body: String) -> Result<u16, String> {
        let done = self.ask(method(verb)?, path, "text/xml", Some(body));
        done.await.map(|(status, _)| status)
    }

    async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        kind: &str,
        body: Option<String>,
    ) -> Result<(u16, String), String> {
        let mut request = http()
            .request(method, format!("{}{path}", self.url))
            .basic_auth(&self.user, Some(&self.password))
            .header("User-Agent", PROGRAM)
            .header("Content-Type", kind)
            .header("Depth", "0");
        if let Some(body) = body {
            request = request.body(body);
        }
        let answer = request.send().await.map_err(|fault| fault.to_string())?;
        let status = answer.status().as_u16();
        Ok((
            status,
            answer.text().await.map_err(|fault| fault.to_string())?,
        ))
    }
}

fn method(verb: &str) -> Result<reqwest::Method, String> {
    reqwest::Method::from_bytes(verb.as_bytes()).map_err(|fault| fault.to_string())
}

/// The text of the first element of that name, whatever its prefix.
fn tag<'a>(xml: &'a str, name: &str) -> &'a str {
    let start = format!(":{name}>");
    let from = xml.find(&start).map_or(xml.len(), |at| at + start.len());
    let rest = &xml[from..];
    &rest[..rest.find("</").unwrap_or(rest.len())]
}
