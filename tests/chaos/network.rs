//! The wire between the panel and the mail stacks in a network namespace of their own: unplugged,
//! dead for one of them, or losing packets.
use std::path::Path;
use std::process::{Command, Stdio};

use crate::fate::Blow;
use crate::trial::Trial;

/// The namespace, and where the stack in it is reached.
pub const NAMESPACE: &str = "pilothouse-chaos";
/// Over the panel's wire.
pub const FOR_PANEL: &str = "10.98.0.2";
/// Over the wire of everybody else.
pub const FOR_PEOPLE: &str = "10.98.1.2";

/// The namespace and its wires, until it is dropped.
pub struct Network;

/// What happens to the panel's wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Unplugged: nothing comes through, and nobody is told.
    Cut,
    /// The same for the stack of that number only; clients and the other stack reach it.
    CutToOne(u16),
    /// Three packets of ten are lost, each way.
    Lossy,
}

impl Network {
    /// Makes it, for the stacks of this run.
    pub fn up(trial: &Trial) -> Self {
        script(&["up", NAMESPACE, &trial.ports.to_string()]);
        Self
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        script(&["down", NAMESPACE]);
    }
}

impl Blow for Wire {
    fn name(&self) -> String {
        match self {
            Self::Cut => "cuts of the network".to_owned(),
            Self::CutToOne(n) => format!("cuts to server {n}"),
            Self::Lossy => "times with 30 % of packets lost".to_owned(),
        }
    }

    fn down(&self) {
        match self {
            Self::Cut => script(&["cut", NAMESPACE]),
            Self::CutToOne(n) => script(&["cut-to", NAMESPACE, &n.to_string()]),
            Self::Lossy => script(&["lose", NAMESPACE, "30"]),
        }
    }

    fn up(&self) {
        match self {
            Self::Cut => script(&["mend", NAMESPACE]),
            Self::CutToOne(n) => script(&["mend-to", NAMESPACE, &n.to_string()]),
            Self::Lossy => script(&["lose", NAMESPACE, "0"]),
        }
    }
}

fn script(arguments: &[&str]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/network.sh");
    let done = Command::new(script)
        .args(arguments)
        .stdin(Stdio::null())
        .status();
    let done = done.expect("the script of the network");
    assert!(done.success(), "network.sh {arguments:?}");
}
