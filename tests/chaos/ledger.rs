//! What was promised of one mailbox: every letter that a server took over, every flag that it
//! confirmed, every removal. What was asked and never answered may have happened or not.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::letters::Print;

/// A set of flags as IMAP names them.
pub type Flags = BTreeSet<String>;

/// How sure something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Sure {
    /// Never asked for.
    #[default]
    No,
    /// Asked for, and no answer came.
    Perhaps,
    /// Confirmed.
    Yes,
}

/// One letter.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its bytes.
    pub print: Print,
    /// Whether a server took it.
    pub taken: Sure,
    /// Whether its removal was confirmed.
    pub removed: Sure,
    /// The mark of the delivery that was removed, where a server had put one on it.
    pub removed_delivery: Option<String>,
    /// What its flags can be.
    pub flags: Vec<Flags>,
    /// Whether any were ever confirmed.
    pub confirmed: bool,
    /// SHA-256 of the whole message as its owner first read it.
    pub whole: Option<Vec<u8>>,
    /// `UIDVALIDITY` and UID by which its owner first saw it.
    pub place: Option<(u32, u32)>,
}

/// All letters of one mailbox, shared by those who write and those who change.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<u32, Entry>>>);

impl Ledger {
    /// Notes that letter `n` is about to be sent: from now on it may be there.
    pub fn sending(&self, n: u32, print: Print) {
        let entry = Entry {
            print,
            taken: Sure::Perhaps,
            removed: Sure::No,
            removed_delivery: None,
            flags: vec![Flags::new()],
            confirmed: false,
            whole: None,
            place: None,
        };
        self.lock().insert(n, entry);
    }

    /// Edits what is known of letter `n`, when it is one of ours.
    pub fn edit(&self, n: u32, edit: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.lock().get_mut(&n) {
            edit(entry);
        }
    }

    /// Notes that these flags are about to be set on letter `n`.
    pub fn flagging(&self, n: u32, flags: &Flags) {
        self.edit(n, |entry| entry.flags.push(flags.clone()));
    }

    /// Notes that they were: everything before is over.
    pub fn flagged(&self, n: u32, flags: &Flags) {
        self.edit(n, |entry| {
            entry.flags = vec![flags.clone()];
            entry.confirmed = true;
        });
    }

    /// Everything.
    pub fn entries(&self) -> BTreeMap<u32, Entry> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
