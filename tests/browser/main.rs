//! The panel in a real browser: Debian's Chromium under chromedriver, the panel's own program with
//! a database of its own, and a real mail stack behind it. Every way that matters is walked by its
//! forms, with scripts and without, and axe-core reads every page.
//!
//! `PILOTHOUSE_TEST_STACK_INFO` names the `info.json` of a running stack. Without it these tests
//! fail, unless `PILOTHOUSE_TEST_REAL=0` says that they are left out on purpose.
#[path = "../clients/mod.rs"]
#[expect(dead_code, reason = "not every test binary needs every client")]
mod clients;

mod axe;
mod browser;
mod conversion;
mod driver;
mod imports;
mod keyboard;
mod many;
mod panel;
mod places;
mod returned;
mod seats;
