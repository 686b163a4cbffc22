//! The UID that the target gives next, and the wish that it were another.
use crate::backends::ServerError;

use super::{CopyError, Numbering, Numbers};

/// What the target gives next in one folder.
pub struct NextUid<'a> {
    /// As far as we can tell: what it said, plus what was sent since.
    pub expected: u32,
    numbering: Option<(&'a dyn Numbering, &'a str)>,
}

impl<'a> NextUid<'a> {
    /// `folder` is its name at the target.
    pub fn new(expected: u32, numbering: Option<&'a dyn Numbering>, folder: &'a str) -> Self {
        let numbering = numbering.map(|numbering| (numbering, folder));
        Self {
            expected,
            numbering,
        }
    }

    /// Whether a message can keep this UID only when the target is told.
    pub const fn needs(&self, uid: u32) -> bool {
        self.numbering.is_some() && uid > self.expected
    }

    /// Tells the target. One that is in trouble is asked again in the next pass; one that refuses
    /// numbers as it likes.
    pub async fn set(&mut self, uid: u32) -> Result<(), CopyError> {
        let Some((numbering, folder)) = self.numbering else {
            return Ok(());
        };
        let numbers = Numbers {
            uidvalidity: None,
            next_uid: Some(uid),
        };
        if accepted(numbering.number(folder, numbers).await, folder)? {
            self.expected = uid;
        } else {
            self.numbering = None;
        }
        Ok(())
    }
}

/// Whether numbers were taken.
pub fn accepted(answer: Result<(), ServerError>, folder: &str) -> Result<bool, CopyError> {
    match answer {
        Ok(()) => Ok(true),
        Err(fault) if fault.passes() => Err(CopyError::Target(fault)),
        Err(fault) => {
            tracing::warn!(folder, %fault, "the target does not take the numbers of a folder");
            Ok(false)
        }
    }
}
