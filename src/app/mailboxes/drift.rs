//! What a sweep found different on the server: bring the server back, or take it as asked for.
use serde_json::{Value, json};

use super::super::AppError;
use super::{event, expect_in_service, expect_not_converting, find, find_to_change};
use crate::authz::RepairMailboxes;
use crate::domain::effective::{SwitchValue, why_closed};
use crate::domain::mailbox::Difference;
use crate::domain::{Levels, Mailbox, Plan, Protocol, Switches, plan, user};
use crate::store::{self, Work, mailboxes::Update};

/// Brings what was changed on the server back to what was asked for.
pub async fn repair(work: Work<RepairMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    settle(work, mailbox, Update::default(), "mailbox.repaired").await
}

/// Takes what a sweep found on the server as what is asked for, where that is possible: all of it
/// or nothing.
pub async fn adopt(work: Work<RepairMailboxes>, mailbox: &str) -> Result<Mailbox, AppError> {
    let mailbox = find_to_change(&work, mailbox).await?;
    expect_in_service(&mailbox)?;
    expect_not_converting(&mailbox)?;
    if mailbox.drift.is_empty() {
        return Err(AppError::conflict(
            "no-drift",
            format!(
                "Nothing on {} differs from what is asked for {}: there is nothing to adopt.",
                mailbox.server_name, mailbox.address
            ),
        ));
    }
    let plan = store::plans::of(&work, &mailbox).await?;
    let mut adopted = Adopted::of(&mailbox);
    for difference in &mailbox.drift {
        let taken = adopted.take(difference, &mailbox, &plan, work.now());
        taken.map_err(|why| {
            AppError::conflict(
                "cannot-adopt",
                format!("{why} Repair {} instead.", mailbox.address),
            )
        })?;
    }
    settle(work, mailbox, adopted.update(), "mailbox.adopted").await
}

async fn settle(
    work: Work<RepairMailboxes>,
    mailbox: Mailbox,
    adopted: Update,
    action: &'static str,
) -> Result<Mailbox, AppError> {
    store::mailboxes::repair(&work, &mailbox, adopted).await?;
    let changed = find(&work, &mailbox.id.to_string()).await?;
    let told: Vec<Value> = mailbox.drift.iter().map(|one| json!(one)).collect();
    let event = event(action, &mailbox).change(json!({ "drift": told }), json!({ "drift": [] }));
    work.commit(event).await?;
    Ok(changed)
}

/// What has been taken over so far.
struct Adopted {
    levels: Levels,
    update: Update,
}

impl Adopted {
    fn of(mailbox: &Mailbox) -> Self {
        Self {
            levels: mailbox.levels.clone(),
            update: Update::default(),
        }
    }

    /// Takes one difference over, or says in a sentence why it cannot be.
    fn take(
        &mut self,
        difference: &Difference,
        mailbox: &Mailbox,
        plan: &Plan,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), String> {
        let found = difference.found.as_str();
        match difference.aspect.as_str() {
            "quota" => self.update.quota_bytes = Some(size(found, plan)?),
            "display_name" => {
                let name = user::display_name("display_name", found);
                self.update.display_name = Some(name.map_err(|fault| fault.to_string())?);
            }
            "receives" => self.update.receives = Some(found == "on"),
            // What clients are told follows from what is open: there is nothing to ask for.
            "closed_reason" => {}
            aspect => {
                let protocol = aspect.strip_prefix("open.").and_then(Protocol::parse);
                let Some(protocol) = protocol else {
                    return Err(format!(
                        "What differs on {} ({aspect}) cannot be taken over.",
                        mailbox.server_name
                    ));
                };
                self.switch(protocol, found == "on", now)?;
            }
        }
        Ok(())
    }

    fn switch(
        &mut self,
        protocol: Protocol,
        on: bool,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), String> {
        let value = SwitchValue { on, until: None };
        self.levels.switches.set(protocol, value);
        match why_closed(&self.levels, protocol, now) {
            Some(why) if on => Err(format!(
                "{} is open on the server and cannot be asked for. {}",
                protocol.label(),
                why.sentence()
            )),
            _ => {
                let switches: Switches = self.levels.switches.clone();
                self.update.switches = Some(switches);
                Ok(())
            }
        }
    }

    fn update(self) -> Update {
        self.update
    }
}

fn size(found: &str, plan: &Plan) -> Result<i64, String> {
    match found.parse() {
        Ok(0) => Err("The size on the server is without limit.".to_owned()),
        Ok(bytes) => plan::quota("quota_bytes", bytes, plan).map_err(|fault| fault.to_string()),
        Err(_) => Err(format!("The size on the server, {found}, is not a number.")),
    }
}
