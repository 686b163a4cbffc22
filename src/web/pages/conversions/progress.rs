//! One mailbox of a batch: how far it is, what it waits for, what went wrong.
use chrono::{DateTime, Utc};

use crate::domain::selection::Choice;
use crate::domain::{Item, ItemState};
use crate::web::filters::{size, thousands};
use crate::web::shell::Tone;
use crate::web::urls;

/// The steps of an in-place conversion, as people see them.
const STEPS: [(ItemState, &str); 5] = [
    (ItemState::Checking, "Checking"),
    (ItemState::Verifying, "Verifying"),
    (ItemState::Switching, "Switching"),
    (ItemState::Settling, "Settling"),
    (ItemState::Done, "Done"),
];

/// A line of the table.
pub struct Line {
    pub id: String,
    pub address: String,
    pub href: String,
    pub tone: Tone,
    pub status: &'static str,
    pub failed: bool,
    /// Each step with `done`, `now` or nothing; none for one that has not begun or is over.
    pub steps: Vec<(&'static str, &'static str)>,
    /// Done of total, while messages are read.
    pub bar: Option<(String, String)>,
    pub said: String,
    /// The server that it moves to; empty for one that stays where it is.
    pub moves: String,
    pub error: String,
    /// The receipt, once there is one.
    pub receipt: String,
    /// Where it is undone, while it can be.
    pub undo: String,
    pub until: Option<DateTime<Utc>>,
    pub mail: String,
    pub started: Option<DateTime<Utc>>,
}

impl Line {
    /// What to say of a row that was left out when the batch was confirmed.
    #[must_use]
    pub fn left_out(tenant: &str, choice: &Choice) -> Self {
        let href = match choice.mailbox {
            Some(_) => urls::mailbox(tenant, &choice.address),
            None => String::new(),
        };
        Self {
            id: format!("item-{}", choice.id),
            address: choice.address.clone(),
            href,
            tone: Tone::Off,
            status: "Left out",
            failed: false,
            steps: vec![],
            bar: None,
            said: choice.why.clone(),
            moves: String::new(),
            error: String::new(),
            receipt: String::new(),
            undo: String::new(),
            until: None,
            mail: match choice.bytes {
                0 => "–".to_owned(),
                bytes => size(bytes.unsigned_abs()),
            },
            started: None,
        }
    }

    /// What to say of an item.
    #[must_use]
    pub fn new(tenant: &str, item: &Item, undoable: bool) -> Self {
        let (tone, status) = status(item.state);
        let progress = item.progress;
        let reading = matches!(item.state, ItemState::Verifying | ItemState::Settling);
        let bytes = item
            .receipt
            .as_ref()
            .map_or(progress.bytes_total, |receipt| receipt.before.bytes);
        Self {
            id: format!("item-{}", item.id),
            address: item.address.to_string(),
            href: urls::mailbox(tenant, &item.address),
            tone,
            status,
            failed: item.state == ItemState::Failed,
            steps: steps(item.state),
            bar: (reading && progress.messages_total > 0).then(|| {
                (
                    progress.messages_done.to_string(),
                    progress.messages_total.to_string(),
                )
            }),
            said: item.waiting_for.clone().unwrap_or_else(|| said(item)),
            moves: moves(item),
            error: item.error.clone().unwrap_or_default(),
            receipt: if item.receipt.is_some() {
                urls::receipt(tenant, item.batch, item.id)
            } else {
                String::new()
            },
            undo: if undoable {
                super::super::reversal::href(tenant, item)
            } else {
                String::new()
            },
            until: item.undo_until.filter(|_| undoable),
            mail: if bytes == 0 {
                "–".to_owned()
            } else {
                size(bytes)
            },
            started: item.started_at,
        }
    }
}

fn status(state: ItemState) -> (Tone, &'static str) {
    match state {
        ItemState::Queued => (Tone::Wait, "Queued"),
        ItemState::Checking => (Tone::Busy, "Checking"),
        ItemState::Copying => (Tone::Busy, "Copying"),
        ItemState::Verifying => (Tone::Busy, "Verifying"),
        ItemState::Switching => (Tone::Busy, "Switching"),
        ItemState::Settling => (Tone::Busy, "Settling"),
        ItemState::Done => (Tone::Good, "Done"),
        ItemState::Failed => (Tone::Bad, "Failed"),
        ItemState::Cancelled => (Tone::Off, "Cancelled"),
        ItemState::Undone => (Tone::Off, "Converted back"),
    }
}

fn steps(state: ItemState) -> Vec<(&'static str, &'static str)> {
    let here = STEPS.iter().position(|(step, _)| *step == state);
    let Some(here) = here.filter(|_| !state.is_over()) else {
        return vec![];
    };
    let step = |(place, (_, label)): (usize, &(ItemState, &'static str))| match place.cmp(&here) {
        std::cmp::Ordering::Less => ("done", *label),
        std::cmp::Ordering::Equal => ("now", *label),
        std::cmp::Ordering::Greater => ("", *label),
    };
    STEPS.iter().enumerate().map(step).collect()
}

fn moves(item: &Item) -> String {
    let Some(server) = &item.goes_to else {
        return String::new();
    };
    match item.state {
        ItemState::Done => format!("Now on {server}."),
        ItemState::Failed | ItemState::Cancelled | ItemState::Undone => String::new(),
        _ => format!("Moves to {server}."),
    }
}

fn said(item: &Item) -> String {
    let read = || {
        let (done, total) = (item.progress.messages_done, item.progress.messages_total);
        format!("{} of {} messages read", thousands(done), thousands(total))
    };
    match item.state {
        ItemState::Queued => "Waits for its turn".to_owned(),
        ItemState::Checking => "Looks at what could stand in the way".to_owned(),
        ItemState::Copying | ItemState::Verifying => read(),
        ItemState::Switching => "Closed to clients for a moment".to_owned(),
        ItemState::Settling => format!("Open as {}; {}", item.to.label(), read()),
        ItemState::Done => "Identical.".to_owned(),
        ItemState::Failed => format!("Switched back; {} as it was", item.from.label()),
        ItemState::Cancelled => "Stays as it was".to_owned(),
        ItemState::Undone => "Converted back since".to_owned(),
    }
}
