//! A customer with mailboxes, made through the API, on the stacks of a run.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clients::Doors;
use crate::clients::imap::Imap;
use crate::ledger::Ledger;
use crate::owner::FOLDERS;
use crate::panel::Panel;
use crate::script::Script;
use crate::stack::Stack;

/// What every mailbox is opened with.
pub const PASSWORD: &str = "correct horse battery";

/// How long making a mailbox may take.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// How mailboxes are converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// On the server that they are on.
    InPlace,
    /// From the first server, which knows no Exchange, to the second, and back.
    Moving,
}

/// One mailbox.
pub struct Mailbox {
    /// Its address.
    pub address: String,
    /// The server that it began on, which its owner's mail program goes to for ever.
    pub began: usize,
    /// What was promised of it.
    pub ledger: Ledger,
    /// Whether a receipt said that not every message kept its number.
    pub numbers_lost: AtomicBool,
}

/// Whose mailboxes they are.
pub struct Customer {
    /// The slug of the tenant.
    pub tenant: &'static str,
    /// All of them; the even ones began as POP/IMAP, the odd ones as Exchange.
    pub mailboxes: Vec<Mailbox>,
    /// Where they are.
    pub stacks: Vec<Stack>,
    /// How they are converted.
    pub way: Way,
    numbers: AtomicU32,
}

impl Customer {
    /// Registers the stacks, makes a tenant, a domain and the mailboxes with their folders.
    pub async fn new(panel: &Panel, stacks: &[Stack], count: usize) -> (Arc<Self>, Script) {
        for stack in stacks {
            panel.register(&stack.name, stack.info());
        }
        let owner = ["--tenant", "platform", "--role", "owner"];
        let key = panel.run(&[&["api-key", "create", "--label", "chaos"], &owner[..]].concat());
        panel.start();
        panel.wait_until_up().await;
        let script = Script::new(&panel.base, key);
        let tenant = "acme";
        let new = json!({"parent": "platform", "kind": "customer", "slug": tenant, "name": "Acme"});
        script.post("/tenants", &new).await;
        let domain = format!("c{:08x}.test", rand::random::<u32>());
        let new = json!({"name": domain, "vouch": true});
        script
            .post(&format!("/tenants/{tenant}/domains"), &new)
            .await;
        let mut mailboxes = vec![];
        for n in 0..count {
            let address = format!("m{n}@{domain}");
            let kind = if n % 2 == 0 { "pop_imap" } else { "exchange" };
            let new = json!({
                "address": address, "display_name": format!("Mailbox {n}"),
                "password": PASSWORD, "mailbox": {"kind": kind},
            });
            script.post(&format!("/tenants/{tenant}/users"), &new).await;
            mailboxes.push(Mailbox {
                address,
                began: 0,
                ledger: Ledger::default(),
                numbers_lost: AtomicBool::default(),
            });
        }
        let mut customer = Self {
            tenant,
            mailboxes,
            stacks: stacks.to_vec(),
            way: match stacks {
                [_] => Way::InPlace,
                _ => Way::Moving,
            },
            numbers: AtomicU32::new(1),
        };
        customer.wait_until_ready(&script).await;
        for n in 0..count {
            let shown = customer.shown(&script, &customer.mailboxes[n]).await;
            customer.mailboxes[n].began = customer.home(&shown);
        }
        for mailbox in &customer.mailboxes {
            customer.make_folders(mailbox).await;
        }
        (Arc::new(customer), script)
    }

    /// A number that no letter has.
    pub fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Where the mailbox's owner signs in.
    pub fn doors(&self, mailbox: &Mailbox) -> Doors {
        self.stacks[mailbox.began].doors.clone()
    }

    /// The place among the stacks of the one that a mailbox lives on.
    pub fn home(&self, shown: &Value) -> usize {
        let name = shown["server"].as_str().unwrap_or_default();
        let place = self.stacks.iter().position(|stack| stack.name == name);
        place.unwrap_or_else(|| panic!("{shown:#} lives on none of the servers"))
    }

    /// What the panel says of a mailbox.
    pub async fn shown(&self, script: &Script, mailbox: &Mailbox) -> Value {
        let path = format!("/tenants/{}/mailboxes/{}", self.tenant, mailbox.address);
        script.get(&path).await.unwrap_or_default()
    }

    async fn wait_until_ready(&self, script: &Script) {
        let begun = Instant::now();
        for mailbox in &self.mailboxes {
            while self.shown(script, mailbox).await["state"] != "ready" {
                let waited = begun.elapsed();
                assert!(waited < READY_WITHIN, "{} is not ready", mailbox.address);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }

    async fn make_folders(&self, mailbox: &Mailbox) {
        let doors = self.doors(mailbox);
        let login = Imap::login(&doors, &mailbox.address, PASSWORD).await;
        let mut imap = login.expect("a mailbox that is ready lets its owner in");
        for folder in &FOLDERS[1..] {
            imap.create(folder).await.expect("a folder");
        }
        imap.logout().await;
    }
}
