//! Copying a mailbox from one real stack to another, read by a client that is not ours.
mod fake;
mod killed;
mod later;
mod odd;
mod whole;

use pilothouse::backends::imap::copy::{self, CopyError, End, Limits, Verified};
use pilothouse::domain::EmailAddress;
use pilothouse::domain::copying::Pass;

use crate::clients::imap::{Folders, Imap};
use crate::support::{MemoryLedger, PASSWORD, Subject};

/// A mailbox at each of two stacks, and the ledger of the copy between them.
pub struct Journey {
    pub from: Subject,
    pub to: Subject,
    pub source: EmailAddress,
    pub target: EmailAddress,
    pub ledger: MemoryLedger,
    pub limits: Limits,
}

impl Journey {
    /// Two empty mailboxes; `None` when the real half is left out on purpose.
    pub async fn new() -> Option<Self> {
        let (from, to) = (Subject::real()?, Subject::second()?);
        let mut addresses = Vec::new();
        for subject in [&from, &to] {
            let mut desired = subject.desired("ann");
            desired.quota_bytes = 0;
            subject.create(&desired).await;
            addresses.push(desired.address);
        }
        Some(Self {
            source: addresses.remove(0),
            target: addresses.remove(0),
            from,
            to,
            ledger: MemoryLedger::default(),
            limits: Limits::default(),
        })
    }

    pub fn ends(&self) -> (End, End) {
        let end = |subject: &Subject, address: &EmailAddress| End {
            login: subject.server.mail_door(address).unwrap(),
            numbering: subject.server.numbering(address),
        };
        (end(&self.from, &self.source), end(&self.to, &self.target))
    }

    pub async fn try_pass(&self) -> Result<Pass, CopyError> {
        let (source, target) = self.ends();
        copy::pass(&source, &target, &self.ledger, &self.limits, &|_| {}).await
    }

    pub async fn pass(&self) -> Pass {
        self.try_pass().await.unwrap()
    }

    pub async fn verified(&self) -> Verified {
        let (_, target) = self.ends();
        copy::verify(&target, &self.ledger, &|_| {}).await.unwrap()
    }

    /// The owner at the source.
    pub async fn at_source(&self) -> Imap {
        let doors = self.from.doors();
        Imap::login(doors, self.source.as_str(), PASSWORD)
            .await
            .unwrap()
    }

    /// The owner at the target.
    pub async fn at_target(&self) -> Imap {
        let doors = self.to.doors();
        Imap::login(doors, self.target.as_str(), PASSWORD)
            .await
            .unwrap()
    }

    pub async fn read(&self) -> (Folders, Folders) {
        let mut source = self.at_source().await;
        let mut target = self.at_target().await;
        (
            source.read_all().await.unwrap(),
            target.read_all().await.unwrap(),
        )
    }

    /// Both sides hold the same: every folder, UIDVALIDITY, UID, flag, date and byte.
    pub async fn assert_same(&self) {
        let (source, target) = self.read().await;
        assert_eq!(
            source.keys().collect::<Vec<_>>(),
            target.keys().collect::<Vec<_>>()
        );
        for (name, folder) in &source {
            assert_eq!(folder, &target[name], "{name}");
        }
        let verified = self.verified().await;
        assert_eq!(verified.comparison.differences, Vec::<String>::new());
    }
}
