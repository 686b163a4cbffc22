//! From what was asked for to what the server should hold, at a moment: pure.
use chrono::{DateTime, Utc};

use crate::domain::mailserver::{DesiredMailbox, wire_sentence};
use crate::domain::{Kind, Levels, Mailbox, Protocols, effective};
use crate::store::engine::due::Asked;

/// What the server of a mailbox should hold at `now`.
#[must_use]
pub fn desired(asked: &Asked, now: DateTime<Utc>) -> DesiredMailbox {
    let mailbox = &asked.mailbox;
    let retained = mailbox.retained_at.is_some();
    let open = if retained {
        Protocols::NONE
    } else {
        effective(&mailbox.levels, now)
    };
    DesiredMailbox {
        id: mailbox.id,
        remote_id: asked.remote_id.clone(),
        address: mailbox.address.clone(),
        display_name: mailbox.display_name.clone(),
        password_hash: asked.password_hash.clone(),
        open,
        receives: mailbox.receives && !retained,
        closed_reason: Some(wire_sentence(&closed_reason(mailbox))),
        quota_bytes: mailbox.quota_bytes,
        domain_accepts: asked.domain_accepts,
    }
}

/// Why what is closed is closed, for the person who tries to sign in: the level that closes
/// everything, from the outermost in, or else the kind. The server says before it which protocol.
fn closed_reason(mailbox: &Mailbox) -> String {
    let Levels {
        tenant_suspended,
        domain_enabled,
        converting,
        ..
    } = mailbox.levels;
    if mailbox.retained_at.is_some() {
        return "It was taken away and is kept for a while. Ask your administrator.".to_owned();
    }
    if tenant_suspended {
        return "The account of your organisation is suspended. Ask your administrator.".to_owned();
    }
    if !domain_enabled {
        let domain = mailbox.address.domain();
        return format!("The domain {domain} is turned off. Ask your administrator.");
    }
    if let Some(reason) = &mailbox.suspended {
        return match reason.trim().trim_end_matches('.') {
            "" => "It is suspended. Ask your administrator.".to_owned(),
            reason => format!("It is suspended: {reason}. Ask your administrator."),
        };
    }
    if converting {
        return "It is being switched over. Try again in a minute.".to_owned();
    }
    match mailbox.kind {
        Kind::Exchange => {
            "This is an Exchange mailbox: set it up as an Exchange account, or ask your \
             administrator to open the protocol."
        }
        Kind::PopImap => {
            "This is a POP/IMAP mailbox: set it up as an IMAP or POP3 account, or ask your \
             administrator."
        }
    }
    .to_owned()
}

#[cfg(test)]
#[path = "desired_tests.rs"]
mod tests;
