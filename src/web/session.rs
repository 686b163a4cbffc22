//! Cookies: the session's token, and the sentence that the next page says once. The panel sets no
//! others.
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::shell::Flash;

/// The names of the cookies, which depend on whether the panel is reached by TLS.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    secure: bool,
}

#[derive(Serialize, Deserialize)]
struct Said {
    bad: bool,
    text: String,
}

impl Cookies {
    /// For a panel that is reached at `public_url`.
    #[must_use]
    pub fn for_site(public_url: &Url) -> Self {
        Self {
            secure: public_url.scheme() == "https",
        }
    }

    /// `__Host-` makes browsers refuse the cookie from any other host, and without TLS (RFC 6265bis
    /// §4.1.3.2).
    const fn session_name(self) -> &'static str {
        if self.secure {
            "__Host-pilothouse"
        } else {
            "pilothouse"
        }
    }

    const fn flash_name(self) -> &'static str {
        if self.secure {
            "__Host-pilothouse-said"
        } else {
            "pilothouse-said"
        }
    }

    fn build(self, name: &'static str, value: String) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
            .finish()
    }

    fn ended(self, name: &'static str) -> Cookie<'static> {
        let mut cookie = self.build(name, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    /// The cookie of a new session; it goes when the browser closes, or with the session.
    #[must_use]
    pub fn session(self, token: &SecretString) -> Cookie<'static> {
        self.build(self.session_name(), token.expose_secret().to_owned())
    }

    /// Takes the session's cookie away.
    #[must_use]
    pub fn session_ended(self) -> Cookie<'static> {
        self.ended(self.session_name())
    }

    /// The session's token in a request.
    #[must_use]
    pub fn token(self, request: &HttpRequest) -> Option<SecretString> {
        let cookie = request.cookie(self.session_name())?;
        Some(cookie.value().to_owned().into())
    }

    /// What the next page says.
    #[must_use]
    pub fn flash(self, said: &Flash) -> Cookie<'static> {
        let wire = Said {
            bad: said.bad,
            text: said.text.clone(),
        };
        let value = serde_json::to_vec(&wire).unwrap_or_default();
        let mut cookie = self.build(self.flash_name(), BASE64_URL_SAFE_NO_PAD.encode(value));
        cookie.set_max_age(Duration::minutes(1));
        cookie
    }

    /// Once it was said.
    #[must_use]
    pub fn flash_said(self) -> Cookie<'static> {
        self.ended(self.flash_name())
    }

    /// What this page has to say.
    #[must_use]
    pub fn said(self, request: &HttpRequest) -> Option<Flash> {
        let cookie = request.cookie(self.flash_name())?;
        let value = BASE64_URL_SAFE_NO_PAD.decode(cookie.value()).ok()?;
        let said: Said = serde_json::from_slice(&value).ok()?;
        Some(Flash {
            bad: said.bad,
            text: said.text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_cookie_is_bound_to_the_host_and_hidden_from_scripts() {
        let tls = Cookies::for_site(&"https://panel.example".parse().unwrap());
        let cookie = tls.session(&"token".to_owned().into()).to_string();
        assert_eq!(
            cookie,
            "__Host-pilothouse=token; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        let plain = Cookies::for_site(&"http://127.0.0.1:8080".parse().unwrap());
        let cookie = plain.session(&"token".to_owned().into()).to_string();
        assert_eq!(cookie, "pilothouse=token; HttpOnly; SameSite=Lax; Path=/");
    }
}
