//! A customer with mailboxes, made through the API, on the stacks of a run.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// One mailbox.
pub struct Mailbox {
    /// Its address.
    pub address: String,
    /// What was promised of it.
    pub ledger: Ledger,
}

/// Whose mailboxes they are.
pub struct Customer {
    /// The slug of the tenant.
    pub tenant: &'static str,
    /// All of them; the even ones began as POP/IMAP, the odd ones as Exchange.
    pub mailboxes: Vec<Mailbox>,
    /// Where they are.
    pub stacks: Vec<Stack>,
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
            let ledger = Ledger::default();
            mailboxes.push(Mailbox { address, ledger });
        }
        let customer = Self {
            tenant,
            mailboxes,
            stacks: stacks.to_vec(),
            numbers: AtomicU32::new(1),
        };
        customer.wait_until_ready(&script).await;
        for mailbox in &customer.mailboxes {
            customer.make_folders(mailbox).await;
        }
        (Arc::new(customer), script)
    }

    /// A number that no letter has.
    pub fn next_number(&self) -> u32 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Where the mailbox's owner signs in, and where mail for it is handed in.
    pub fn doors(&self, _mailbox: &Mailbox) -> Doors {
        self.stacks[0].doors.clone()
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
