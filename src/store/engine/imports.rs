//! Imports that are due, handed out with a lease.
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Condition;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use secrecy::SecretString;

use super::super::imports::{import, place};
use super::super::schema::mailbox;
use super::super::schema::mailbox_import::{self, Column, Entity};
use super::super::{Engine, StoreError, seal};
use super::copies::{self, LedgerId};
use super::{due, find, update};
use crate::domain::import::{FoundFolder, Import, ImportReport, ImportState};
use crate::domain::{Mailbox, Progress};

/// An import that is ours until the lease runs out.
#[derive(Debug, Clone)]
pub struct Job {
    /// What was asked for.
    pub import: Import,
    /// The password there.
    pub password: SecretString,
    /// Tries that came to nothing.
    pub attempts: u32,
    owner: String,
}

/// What came of a step.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Where it is now.
    pub state: ImportState,
    /// What the trial found.
    pub found: Option<Vec<FoundFolder>>,
    /// What was done.
    pub report: ImportReport,
    /// What it waits for.
    pub waiting_for: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Not to be looked at before then.
    pub next_try_at: Option<DateTime<Utc>>,
    /// Tries that came to nothing.
    pub attempts: u32,
}

/// The mailbox that it fills, as it is now; `None` when it is gone.
pub async fn mailbox_of(engine: &Engine, job: &Job) -> Result<Option<Mailbox>, StoreError> {
    let its = find::<mailbox::Entity>().filter(mailbox::Column::Id.eq(job.import.mailbox.0));
    let asked = due::asked(&engine.core.conn, its).await?.pop();
    Ok(asked.map(|asked| asked.mailbox))
}

/// The one that has waited longest, unless somebody else is at it.
pub async fn claim(
    engine: &Engine,
    owner: &str,
    lease: Duration,
) -> Result<Option<Job>, StoreError> {
    let now = engine.clock().now();
    let conn = &engine.core.conn;
    let due = find::<Entity>()
        .filter(Column::State.is_in(ImportState::DUE.map(ImportState::as_str)))
        .filter(earlier(Column::NextTryAt, now))
        .filter(earlier(Column::LeaseUntil, now))
        .order_by_asc(Column::UpdatedAt)
        .limit(1);
    let Some(row) = due.one(conn).await? else {
        return Ok(None);
    };
    let taken = mailbox_import::ActiveModel {
        lease_owner: Set(Some(owner.to_owned())),
        lease_until: Set(Some(now + lease)),
        ..Default::default()
    };
    let taken = update::<Entity>()
        .set(taken)
        .filter(Column::Id.eq(row.id))
        .filter(Column::State.eq(&row.state))
        .filter(earlier(Column::LeaseUntil, now))
        .exec(conn)
        .await?;
    if taken.rows_affected == 0 {
        return Ok(None);
    }
    let sealed = row.sealed_password.clone().unwrap_or_default();
    let broken = |error: seal::SealError| StoreError::Sealing(error.to_string());
    let password = seal::unseal(engine.sealing_key()?, place(row.id), &sealed).map_err(broken)?;
    Ok(Some(Job {
        password,
        attempts: u32::try_from(row.attempts).unwrap_or_default(),
        owner: owner.to_owned(),
        import: import(row)?,
    }))
}

fn earlier(column: Column, now: DateTime<Utc>) -> Condition {
    Condition::any().add(column.is_null()).add(column.lte(now))
}

/// Renews the lease and tells how far it is. Says whether it is still ours.
pub async fn renew(
    engine: &Engine,
    job: &Job,
    progress: Progress,
    lease: Duration,
) -> Result<bool, StoreError> {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let now = engine.clock().now();
    let row = mailbox_import::ActiveModel {
        messages_done: Set(count(progress.messages_done)),
        messages_total: Set(count(progress.messages_total)),
        bytes_done: Set(count(progress.bytes_done)),
        bytes_total: Set(count(progress.bytes_total)),
        lease_until: Set(Some(now + lease)),
        updated_at: Set(now),
        ..Default::default()
    };
    save(engine, job, row).await
}

/// Writes what came of it and gives the lease back. Says whether it was still ours.
pub async fn settle(engine: &Engine, job: &Job, outcome: Outcome) -> Result<bool, StoreError> {
    let now = engine.clock().now();
    let mut row = mailbox_import::ActiveModel {
        state: Set(outcome.state.as_str().to_owned()),
        report: Set(serde_json::to_value(outcome.report)?),
        waiting_for: Set(outcome.waiting_for),
        error: Set(outcome.error),
        next_try_at: Set(outcome.next_try_at),
        attempts: Set(i32::try_from(outcome.attempts).unwrap_or(i32::MAX)),
        lease_owner: Set(None),
        lease_until: Set(None),
        updated_at: Set(now),
        ..Default::default()
    };
    if let Some(found) = outcome.found {
        row.found = Set(Some(serde_json::to_value(found)?));
    }
    if outcome.state.is_over() {
        row.sealed_password = Set(None);
        row.finished_at = Set(Some(now));
    }
    if outcome.state.is_over() {
        copies::forget_all(&engine.core.conn, LedgerId(job.import.id.0)).await?;
    }
    save(engine, job, row).await
}

async fn save(
    engine: &Engine,
    job: &Job,
    row: mailbox_import::ActiveModel,
) -> Result<bool, StoreError> {
    let saved = update::<Entity>()
        .set(row)
        .filter(Column::Id.eq(job.import.id.0))
        .filter(Column::LeaseOwner.eq(&job.owner))
        .exec(&engine.core.conn)
        .await?;
    engine.bell().ring();
    Ok(saved.rows_affected == 1)
}
