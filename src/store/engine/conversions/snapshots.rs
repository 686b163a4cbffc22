//! Snapshots at rest: JSON, compressed as it is written and read as it is unpacked, so that only
//! the snapshot itself is ever whole in memory. A message takes some fifty bytes.
use std::io::BufReader;
use std::time::Duration;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::super::super::schema::conversion_snapshot;
use super::super::super::{Engine, StoreError};
use super::super::{delete, find};
use super::place::{batch_runs, set_place};
use super::{Job, Saved};
use crate::domain::Place;
use crate::domain::snapshot::Snapshot;

/// Which snapshot it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Taken while the mailbox was in use.
    Survey,
    /// What a move had copied by then, as it stands on the other server.
    Copied,
    /// Behind shut doors, before the switch.
    Before,
    /// Behind shut doors, after it.
    After,
}

impl Moment {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Survey => "survey",
            Self::Copied => "copied",
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Writes a snapshot and the next place together. Says whether the batch still runs.
#[expect(
    clippy::disallowed_methods,
    reason = "a snapshot belongs to an item, whose lease was just found to hold"
)]
pub async fn store_and_go_on(
    engine: &Engine,
    job: &Job,
    (moment, snapshot): (Moment, &Snapshot),
    to: Place,
    lease: Duration,
) -> Result<Saved<bool>, StoreError> {
    let data = packed(snapshot)?;
    let now = engine.clock().now();
    let tx = engine.core.begin_write().await?;
    if !set_place(&tx, job, to, now, lease).await? {
        return Ok(Saved::Lost);
    }
    delete::<conversion_snapshot::Entity>()
        .filter(conversion_snapshot::Column::ItemId.eq(job.item.0))
        .filter(conversion_snapshot::Column::Moment.eq(moment.as_str()))
        .exec(&tx)
        .await?;
    let row = conversion_snapshot::ActiveModel {
        item_id: Set(job.item.0),
        moment: Set(moment.as_str().to_owned()),
        data: Set(data),
        made_at: Set(now),
    };
    conversion_snapshot::Entity::insert(row)
        .exec_without_returning(&tx)
        .await?;
    let runs = batch_runs(&tx, job).await?;
    tx.commit().await?;
    engine.bell().ring();
    Ok(Saved::Yes(runs))
}

/// The snapshot of that moment, if it was taken.
pub async fn load(
    engine: &Engine,
    job: &Job,
    moment: Moment,
) -> Result<Option<Snapshot>, StoreError> {
    let row = find::<conversion_snapshot::Entity>()
        .filter(conversion_snapshot::Column::ItemId.eq(job.item.0))
        .filter(conversion_snapshot::Column::Moment.eq(moment.as_str()))
        .one(&engine.core.conn)
        .await?;
    let unpacked = row.map(|row| {
        let unpacked = BufReader::new(GzDecoder::new(row.data.as_slice()));
        serde_json::from_reader(unpacked)
    });
    Ok(unpacked.transpose()?)
}

fn packed(snapshot: &Snapshot) -> Result<Vec<u8>, StoreError> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut packed, snapshot)?;
    packed
        .finish()
        .map_err(|error| StoreError::Stored(serde_json::Error::io(error)))
}
