//! A form that may carry a file: `multipart/form-data` (RFC 7578), or as other forms are sent when
//! there is none. Read whole, within a limit, before anything is begun.
use std::future::Future;
use std::pin::Pin;

use actix_multipart::Multipart;
use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use bytes::BytesMut;
use futures_util::StreamExt as _;

use super::error::Problem;

/// Bytes of a form with its file: a hundred thousand addresses fit.
const LIMIT: usize = 8 << 20;

/// What was sent.
#[derive(Debug, Default)]
pub struct Upload {
    /// The fields, in order.
    pub fields: Vec<(String, String)>,
    /// The name and the text of the file, when one was chosen.
    pub file: Option<(String, Vec<u8>)>,
}

impl Upload {
    /// What was entered in a field; empty when it is not there.
    #[must_use]
    pub fn of(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    async fn multipart(request: &HttpRequest, payload: Payload) -> Result<Self, Problem> {
        let mut parts = Multipart::new(request.headers(), payload);
        let (mut upload, mut size) = (Self::default(), 0);
        while let Some(part) = parts.next().await {
            let mut part = part.map_err(|_| broken())?;
            let disposition = part.content_disposition().cloned();
            let name = disposition
                .as_ref()
                .and_then(|d| d.get_name())
                .unwrap_or_default();
            let name = name.to_owned();
            let file = disposition
                .as_ref()
                .and_then(|d| d.get_filename())
                .map(str::to_owned);
            let mut value = BytesMut::new();
            while let Some(chunk) = part.next().await {
                let chunk = chunk.map_err(|_| broken())?;
                size += chunk.len();
                if size > LIMIT {
                    return Err(Problem::too_large(LIMIT));
                }
                value.extend_from_slice(&chunk);
            }
            match file {
                Some(file) if !value.is_empty() => upload.file = Some((file, value.to_vec())),
                Some(_) => {}
                None => {
                    let value = String::from_utf8_lossy(&value).into_owned();
                    upload.fields.push((name, value));
                }
            }
        }
        Ok(upload)
    }

    async fn plain(mut payload: Payload) -> Result<Self, Problem> {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| broken())?;
            if body.len() + chunk.len() > LIMIT {
                return Err(Problem::too_large(LIMIT));
            }
            body.extend_from_slice(&chunk);
        }
        let fields = url::form_urlencoded::parse(&body).into_owned().collect();
        Ok(Self { fields, file: None })
    }
}

fn broken() -> Problem {
    crate::domain::Invalid::field("", "The form did not arrive whole. Send it again.").into()
}

impl FromRequest for Upload {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let sent = request.headers().get(header::CONTENT_TYPE);
            let sent = sent
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default();
            if sent
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
            {
                Self::multipart(&request, payload).await
            } else {
                Self::plain(payload).await
            }
        })
    }
}
