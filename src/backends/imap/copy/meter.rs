//! How far a pass is.
use std::sync::{Mutex, PoisonError};

use crate::domain::Progress;
use crate::domain::copying::CopiedMessage;

use super::Told;

/// Bytes after which progress is told again.
const TELL_EVERY: u64 = 1024 * 1024;

/// Counts, and tells now and then.
pub struct Meter<'a> {
    told: Told<'a>,
    count: Mutex<(Progress, u64)>,
}

impl<'a> Meter<'a> {
    /// So much there is to do.
    pub fn new(told: Told<'a>, messages: u64, bytes: u64) -> Self {
        let progress = Progress {
            messages_total: messages,
            bytes_total: bytes,
            ..Progress::default()
        };
        told(progress);
        let count = Mutex::new((progress, 0));
        Self { told, count }
    }

    /// Messages that were copied before.
    pub fn known(&self, messages: &[CopiedMessage]) {
        let bytes = messages.iter().map(|message| message.size).sum();
        self.add(messages.len() as u64, bytes);
    }

    /// More bytes went through.
    pub fn bytes(&self, bytes: u64) {
        self.add(0, bytes);
    }

    /// More messages are written down.
    pub fn messages(&self, messages: u64) {
        self.add(messages, 0);
    }

    /// Messages and bytes that are done.
    pub fn add(&self, messages: u64, bytes: u64) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let (progress, untold) = &mut *count;
        progress.messages_done += messages;
        progress.bytes_done += bytes;
        *untold += bytes;
        let tell = (messages > 0 || *untold >= TELL_EVERY).then_some(*progress);
        if tell.is_some() {
            *untold = 0;
        }
        drop(count);
        if let Some(progress) = tell {
            (self.told)(progress);
        }
    }
}
