//! The panel's own way into a mailbox, and copying from one such door to another.
use super::imap::copy::{CopyError, End, Ledger, Limits, Told, pass};
use super::{MailServer, ServerError, memory};
use crate::domain::EmailAddress;
use crate::domain::copying::Pass;

/// A mailbox as the panel opens it, whatever its switches.
#[derive(Clone)]
pub enum Door {
    /// Over IMAP, as an administrator.
    Imap(Box<End>),
    /// In this process.
    Memory(memory::Mailbox),
}

impl Door {
    /// The door to a mailbox of a server; `None` when it has none.
    #[must_use]
    pub fn to(mailbox: &EmailAddress, server: &dyn MailServer) -> Option<Self> {
        if let Some(login) = server.mail_door(mailbox) {
            let numbering = server.numbering(mailbox);
            return Some(Self::Imap(Box::new(End { login, numbering })));
        }
        server.in_process(mailbox).map(Self::Memory)
    }

    /// Brings `target` to what this mailbox is now; the ledger knows what earlier passes did.
    pub async fn copy_to(
        &self,
        target: &Self,
        ledger: &dyn Ledger,
        limits: &Limits,
        told: Told<'_>,
    ) -> Result<Pass, CopyError> {
        match (self, target) {
            (Self::Imap(source), Self::Imap(target)) => {
                pass(source, target, ledger, limits, told).await
            }
            (Self::Memory(source), Self::Memory(target)) => {
                memory::copy(source, target, ledger, limits.mode, told).await
            }
            _ => Err(CopyError::Source(ServerError::Refused(
                "cannot be copied to a server of that sort".to_owned(),
            ))),
        }
    }
}
