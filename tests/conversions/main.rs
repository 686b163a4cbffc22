//! Conversions, from the click to the receipt, on a mail server in memory; and, where there is one,
//! on the real mail stack. Whatever happens meanwhile: nothing lost, nothing doubled.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../engine/stage.rs"]
mod stage;

#[expect(dead_code, reason = "not every test binary needs every client")]
#[path = "../clients/mod.rs"]
mod clients;

mod arrivals;
mod awkward;
mod blockers;
mod calendars;
mod calendars_real;
mod control;
mod crowd;
mod differences;
mod drafts;
mod kept;
mod killed;
mod moves;
mod moves_real;
mod outages;
mod pace;
mod post;
mod real;
mod returned;
mod seats;
mod sigkill;
mod theatre;
mod there_and_back;
mod told;
mod undone;
