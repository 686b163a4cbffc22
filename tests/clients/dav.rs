//! A calendar and address book program: `CalDAV` (RFC 4791) and `CardDAV` (RFC 6352).
use super::{Doors, http};

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
