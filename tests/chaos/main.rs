//! The proof that the panel may die: the program itself, on real mail servers, killed and starved
//! while it converts mailboxes there and back, while mail keeps arriving and an owner keeps
//! changing it. At the end every message is counted by a client that is none of the panel's.
//!
//! Each test brings up what it breaks and is left out of an ordinary run: `tests/chaos/run.sh`
//! starts the short ones, and `run.sh long` all of them. Everything that is chosen at random is
//! chosen by a seed, which is printed and can be given.
#[path = "../clients/mod.rs"]
#[expect(dead_code, reason = "not every client is needed here")]
mod clients;

mod boundaries;
mod clock;
mod crossings;
mod database;
mod disk;
mod fate;
mod figures;
mod gate;
mod hosting;
mod ledger;
mod letters;
mod mirror;
mod network;
mod operator;
mod owner;
mod panel;
mod post;
mod random_kills;
mod reckoning;
mod run;
mod scene;
mod script;
mod stack;
mod starved;
mod trial;
