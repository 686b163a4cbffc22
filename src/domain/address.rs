//! Addresses and domain names, checked once at the door.
use serde::{Deserialize, Serialize};

use super::Invalid;

/// A mail domain in A-labels and lower case (RFC 5890), at most 253 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainName(String);

impl DomainName {
    /// Reads a domain as a person types it: any case, U-labels or A-labels, one trailing dot.
    /// Labels that mix scripts are refused: they look like another domain.
    pub fn parse(field: &str, typed: &str) -> Result<Self, Invalid> {
        let typed = typed.trim().trim_end_matches('.');
        let fault = |why: &str| Invalid::field(field, format!("“{typed}” {why}"));
        if typed.is_empty() {
            return Err(Invalid::field(
                field,
                "Enter a domain, such as example.org.",
            ));
        }
        let ascii = idna::domain_to_ascii_strict(typed)
            .map_err(|_| fault("is not a domain name. Enter one such as example.org."))?;
        if !ascii.contains('.') {
            return Err(fault(
                "has no dot. Enter the whole domain, such as example.org.",
            ));
        }
        if ascii.len() > 253 {
            return Err(fault(
                "is longer than the 253 characters that a domain may have.",
            ));
        }
        if ascii
            .rsplit('.')
            .next()
            .is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(fault("is a number, not a domain name."));
        }
        let (unicode, _) = idna::domain_to_unicode(&ascii);
        if unicode.split('.').any(mixes_scripts) {
            return Err(fault(
                "mixes scripts, so that it could be taken for another domain.",
            ));
        }
        Ok(Self(ascii))
    }

    /// What the database holds, which was parsed when it was written.
    #[must_use]
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// In A-labels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for DomainName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scripts that are confused for one another in practice: Latin, Greek, Cyrillic.
fn mixes_scripts(label: &str) -> bool {
    let script = |c: char| match c {
        'a'..='z' | '\u{00DF}'..='\u{024F}' => Some(0_u8),
        '\u{0370}'..='\u{03FF}' => Some(1),
        '\u{0400}'..='\u{052F}' => Some(2),
        _ => None,
    };
    let mut seen = label.chars().filter_map(script);
    seen.next()
        .is_some_and(|first| seen.any(|other| other != first))
}

/// A mailbox address, lower case, whose domain is a [`DomainName`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address. The local part is a dot-atom (RFC 5321 §4.1.2, without quoted strings,
    /// which mail clients and servers get wrong), at most 64 characters; case is folded.
    pub fn parse(field: &str, typed: &str) -> Result<Self, Invalid> {
        let typed = typed.trim();
        let fault = |why: &str| Invalid::field(field, format!("“{typed}” {why}"));
        if typed.is_empty() {
            return Err(Invalid::field(
                field,
                "Enter an address, such as ann@example.org.",
            ));
        }
        let Some((local, domain)) = typed.rsplit_once('@') else {
            return Err(fault(
                "has no @. Enter a whole address, such as ann@example.org.",
            ));
        };
        let domain = DomainName::parse(field, domain)?;
        if local.is_empty() || local.len() > 64 {
            return Err(fault("needs 1 to 64 characters before the @."));
        }
        // `*` separates a master user's name on Dovecot, `%` on Stalwart, `+` a detail: they
        // would make the address mean something else on the mail server.
        let atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$&'-/=?^_`{|}~.".contains(&b);
        if !local.bytes().all(atom) {
            return Err(fault(
                "has a character before the @ that an address here cannot have. \
                 Use letters, digits, dots, hyphens and underscores.",
            ));
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return Err(fault(
                "has a dot where none may be: at an end, or two in a row.",
            ));
        }
        Ok(Self(format!("{}@{domain}", local.to_ascii_lowercase())))
    }

    /// What the database or a server holds, which was parsed when it was written.
    #[must_use]
    pub fn stored(address: String) -> Self {
        Self(address)
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the @.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0
            .rsplit_once('@')
            .map_or(self.0.as_str(), |(local, _)| local)
    }

    /// What stands after the @.
    #[must_use]
    pub fn domain(&self) -> DomainName {
        DomainName(
            self.0
                .rsplit_once('@')
                .map_or("", |(_, domain)| domain)
                .to_owned(),
        )
    }
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_kept_as_a_labels() {
        let name = DomainName::parse("name", " Bücher.Example. ").unwrap();
        assert_eq!(name.as_str(), "xn--bcher-kva.example");
    }

    #[test]
    fn a_label_that_mixes_scripts_is_refused() {
        let fault = DomainName::parse("name", "аcme.test").unwrap_err();
        assert!(
            fault.of("name").unwrap().contains("mixes scripts"),
            "{fault}"
        );
    }

    #[test]
    fn what_is_no_domain_says_why() {
        for typed in [
            "",
            "acme",
            "a b.test",
            "-acme.test",
            "127.0.0.1",
            "acme..test",
        ] {
            assert!(DomainName::parse("name", typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn an_address_is_folded_and_checked() {
        let address = EmailAddress::parse("address", " Ann.Archer@ACME.test ").unwrap();
        assert_eq!(address.as_str(), "ann.archer@acme.test");
        assert_eq!(
            (address.local(), address.domain().as_str()),
            ("ann.archer", "acme.test")
        );
        for typed in [
            "ann",
            "@acme.test",
            "a b@acme.test",
            ".a@acme.test",
            "a..b@acme.test",
            "a*panel@acme.test",
            "a%b@acme.test",
            "ä@acme.test",
        ] {
            assert!(EmailAddress::parse("address", typed).is_err(), "{typed}");
        }
    }
}
