//! The mailbox under conversion: whose it is, and whether its doors are shut.
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};

use super::super::super::mailboxes::{asked, standing, touch};
use super::super::super::schema::mailbox;
use super::super::super::{Engine, StoreError};
use super::super::{find, update};
use super::place::batch_runs;
use super::{Job, Saved, under_lease};

/// Marks the mailbox as being converted by this item.
pub async fn hold(engine: &Engine, job: &Job) -> Result<Saved, StoreError> {
    let saved = change(engine, job, |row, _| {
        row.converting_item = Some(job.item.0);
        standing(row).state().as_str().clone_into(&mut row.state);
        Ok(())
    });
    Ok(match saved.await? {
        Saved::Yes(_) => Saved::Yes(()),
        Saved::Lost => Saved::Lost,
    })
}

/// Asks for shut doors. Returns the generation to bring, whether this call asked or one before;
/// `None` when they are open and the batch does not run.
pub async fn shut(engine: &Engine, job: &Job) -> Result<Saved<Option<i64>>, StoreError> {
    let now = engine.clock().now();
    let mut held = false;
    let saved = change(engine, job, |row, runs| {
        held = !runs && !row.doors_shut;
        if !held && !row.doors_shut {
            row.doors_shut = true;
            touch(row, now)?;
        }
        Ok(())
    });
    Ok(match saved.await? {
        Saved::Yes(generation) => Saved::Yes((!held).then_some(generation)),
        Saved::Lost => Saved::Lost,
    })
}

/// Asks for the doors to open. Returns the generation to bring, whether this call asked or one
/// before.
pub async fn open(engine: &Engine, job: &Job) -> Result<Saved<i64>, StoreError> {
    let now = engine.clock().now();
    change(engine, job, |row, _| {
        if row.doors_shut {
            row.doors_shut = false;
            touch(row, now)?;
        }
        Ok(())
    })
    .await
}

/// Edits the row of the mailbox, told whether the batch runs; returns the generation.
async fn change(
    engine: &Engine,
    job: &Job,
    edit: impl FnOnce(&mut mailbox::Model, bool) -> Result<(), serde_json::Error> + Send,
) -> Result<Saved<i64>, StoreError> {
    let tx = engine.core.begin_write().await?;
    if under_lease(job).one(&tx).await?.is_none() {
        return Ok(Saved::Lost);
    }
    let row = find::<mailbox::Entity>()
        .filter(mailbox::Column::Id.eq(job.mailbox.0))
        .lock_exclusive()
        .one(&tx)
        .await?;
    let Some(mut row) = row else {
        return Ok(Saved::Lost);
    };
    let runs = batch_runs(&tx, job).await?;
    edit(&mut row, runs)?;
    update::<mailbox::Entity>()
        .set(asked(&row))
        .filter(mailbox::Column::Id.eq(row.id))
        .exec(&tx)
        .await?;
    tx.commit().await?;
    engine.bell().ring();
    Ok(Saved::Yes(row.asked_generation))
}
