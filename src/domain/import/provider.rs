//! Providers that people come from, with what one has to know before a program may read mail there.

/// A provider that people know by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The word in addresses and forms.
    pub slug: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its IMAP server, with TLS at port 993; empty where programs cannot sign in with a password.
    pub host: &'static str,
    /// What to do there first, or which password it takes.
    pub hint: &'static str,
}

/// The providers, by name. The hosts and rules are those that each publishes for mail programs.
pub const PROVIDERS: &[Provider] = &[
    Provider {
        slug: "aol",
        name: "AOL",
        host: "imap.aol.com",
        hint: "AOL takes an app password here, made at Account security, Generate app password.",
    },
    Provider {
        slug: "fastmail",
        name: "Fastmail",
        host: "imap.fastmail.com",
        hint: "Fastmail takes an app password here, made at Settings, Privacy & Security.",
    },
    Provider {
        slug: "gmail",
        name: "Gmail and Google Workspace",
        host: "imap.gmail.com",
        hint: "Google takes an app password here: switch 2-step verification on, then make one at \
               myaccount.google.com/apppasswords. “All Mail” is left out, since everything in it \
               stands in another folder too.",
    },
    Provider {
        slug: "gmx",
        name: "GMX",
        host: "imap.gmx.net",
        hint: "At GMX, first allow access at E-mail settings, POP3 & IMAP. With two-factor sign-in \
               it takes an app password.",
    },
    Provider {
        slug: "icloud",
        name: "iCloud",
        host: "imap.mail.me.com",
        hint: "Apple takes an app-specific password here, made at account.apple.com, Sign-in and \
               security. The login name is the part before @.",
    },
    Provider {
        slug: "ionos",
        name: "IONOS",
        host: "imap.ionos.com",
        hint: "IONOS takes the password of the mailbox. The login name is the whole address.",
    },
    Provider {
        slug: "mailbox-org",
        name: "mailbox.org",
        host: "imap.mailbox.org",
        hint: "mailbox.org takes the password of the account, or an app password where two-factor \
               sign-in is on.",
    },
    Provider {
        slug: "microsoft",
        name: "Microsoft 365 and Outlook.com",
        host: "",
        hint: "Microsoft lets no program in by password any more, neither with an app password; it \
               wants OAuth, which the panel does not speak. Export the mailbox with Outlook or \
               with Microsoft’s own tools instead.",
    },
    Provider {
        slug: "posteo",
        name: "Posteo",
        host: "posteo.de",
        hint: "Posteo takes the password of the account, unless additional mail protection is on.",
    },
    Provider {
        slug: "strato",
        name: "Strato",
        host: "imap.strato.de",
        hint: "Strato takes the password of the mailbox. The login name is the whole address.",
    },
    Provider {
        slug: "web-de",
        name: "WEB.DE",
        host: "imap.web.de",
        hint: "At WEB.DE, first allow access at Settings, POP3/IMAP. With two-factor sign-in it \
               takes an app password.",
    },
    Provider {
        slug: "yahoo",
        name: "Yahoo",
        host: "imap.mail.yahoo.com",
        hint: "Yahoo takes an app password here, made at Account security, Generate app password.",
    },
    Provider {
        slug: "zoho",
        name: "Zoho Mail",
        host: "imap.zoho.com",
        hint: "At Zoho, first allow IMAP access in the settings. With two-factor sign-in it takes \
               an app password. Accounts of the EU are at imap.zoho.eu.",
    },
];

impl Provider {
    /// The one of that word.
    #[must_use]
    pub fn of_slug(slug: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.slug == slug)
    }

    /// The one with that server.
    #[must_use]
    pub fn of_host(host: &str) -> Option<&'static Self> {
        let known = |provider: &&Self| !provider.host.is_empty() && provider.host == host;
        PROVIDERS.iter().find(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_stand_in_the_order_of_their_names_and_are_found_again() {
        assert!(PROVIDERS.is_sorted_by_key(|provider| provider.name.to_lowercase()));
        for provider in PROVIDERS {
            assert_eq!(Provider::of_slug(provider.slug), Some(provider));
            if !provider.host.is_empty() {
                assert_eq!(Provider::of_host(provider.host), Some(provider));
            }
        }
        assert_eq!(Provider::of_host(""), None);
    }
}
