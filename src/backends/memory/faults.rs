//! How a server lets one down: not there, slow, refusing, or silent after it acted.
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::MemoryServer;

/// The methods of [`super::MailServer`] that go over the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// `health`
    Health,
    /// `observe`
    Observe,
    /// `list`
    List,
    /// `apply`
    Apply,
    /// `usage`
    Usage,
    /// `snapshot`
    Snapshot,
    /// `check`
    Check,
    /// `route`
    Route,
    /// `introduce`
    Introduce,
    /// A pass of a copy that begins here.
    CopyFrom,
    /// A message that a copy puts here.
    CopyTo,
    /// A look at calendars and contacts.
    Groupware,
    /// A change of calendars and contacts.
    GroupwareChange,
    /// A look at filter scripts, or a change of them.
    Filters,
}

/// What befalls one call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It has no effect and is refused with this sentence.
    Refuse(String),
    /// It has no effect, and the server says that it cannot just now.
    Busy(String),
    /// It has no effect, and the connection breaks.
    LoseRequest,
    /// It has its effect, and the connection breaks before the answer.
    LoseAnswer,
}

type Hook = Box<dyn FnOnce(&MemoryServer) + Send>;

#[derive(Default)]
pub(super) struct Faults {
    down: bool,
    delay: Duration,
    waiting: HashMap<Call, VecDeque<Fault>>,
    hooks: HashMap<Call, VecDeque<Hook>>,
    counts: HashMap<Call, u64>,
}

/// What one call meets.
pub(super) struct Fate {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) hook: Option<Hook>,
}

impl Faults {
    pub(super) fn meet(&mut self, call: Call) -> Fate {
        *self.counts.entry(call).or_default() += 1;
        Fate {
            delay: self.delay,
            fault: self.waiting.get_mut(&call).and_then(VecDeque::pop_front),
            hook: self.hooks.get_mut(&call).and_then(VecDeque::pop_front),
        }
    }

    pub(super) const fn is_down(&self) -> bool {
        self.down
    }
}

impl MemoryServer {
    /// From now on nothing is answered.
    pub fn go_down(&self) {
        self.faults().down = true;
    }

    /// It answers again.
    pub fn come_back(&self) {
        self.faults().down = false;
    }

    /// Each answer takes this long; zero ends it.
    pub fn be_slow(&self, delay: Duration) {
        self.faults().delay = delay;
    }

    /// The next `times` calls of this kind meet `fault`, after those that were told before.
    pub fn fail_next(&self, call: Call, times: usize, fault: &Fault) {
        self.faults()
            .waiting
            .entry(call)
            .or_default()
            .extend(std::iter::repeat_n(fault.clone(), times));
    }

    /// Does something just before the next call of this kind has its effect: mail that arrives
    /// between two steps, or a server that goes down at the worst moment.
    pub fn before_next(&self, call: Call, hook: impl FnOnce(&Self) + Send + 'static) {
        self.faults()
            .hooks
            .entry(call)
            .or_default()
            .push_back(Box::new(hook));
    }

    /// How often it was called, answered or not.
    #[must_use]
    pub fn calls(&self, call: Call) -> u64 {
        self.faults().counts.get(&call).copied().unwrap_or_default()
    }
}
