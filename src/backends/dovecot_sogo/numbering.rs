//! Numbers of folders, set by doveadm's `mailbox update`.
use std::sync::Arc;

use async_trait::async_trait;

use super::doveadm::{Command, Doveadm};
use crate::backends::ServerError;
use crate::backends::imap::copy::{Numbering, Numbers};
use crate::domain::EmailAddress;

/// The numbering of one mailbox.
pub(super) struct Doveadms {
    doveadm: Arc<Doveadm>,
    user: String,
}

impl Doveadms {
    pub(super) fn new(doveadm: Arc<Doveadm>, mailbox: &EmailAddress) -> Self {
        let user = mailbox.as_str().to_owned();
        Self { doveadm, user }
    }
}

#[async_trait]
impl Numbering for Doveadms {
    async fn number(&self, folder: &str, numbers: Numbers) -> Result<(), ServerError> {
        let command = Command::Number {
            user: &self.user,
            folder,
            uidvalidity: numbers.uidvalidity,
            next_uid: numbers.next_uid,
        };
        let reply = self.doveadm.run(&command).await?;
        reply.rows("mailboxUpdate", &[]).map(|_| ())
    }
}
