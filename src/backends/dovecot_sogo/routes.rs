//! Where mailboxes live: the directory's tables `peers` and `forwards`.
use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::{Postgres, Transaction};
use tokio::time::{sleep, timeout};

use super::database::{InTime as _, begin};
use super::directory::{Directory, hash_for};
use super::faults::explain;
use crate::backends::ServerError;
use crate::domain::mailserver::{Entrance, Onward, Route};

/// Routes of one transaction.
const TOGETHER: usize = 1000;

/// How long the front door may take to take a change over; it takes a third of a second.
const FRONT_DOOR: Duration = Duration::from_secs(5);

/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A state of the table `forwards`, counted from 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change(i64);

impl Directory {
    /// Writes routes, and where the servers are that they lead to.
    pub(super) async fn put_routes(&self, routes: &[Route]) -> Result<Change, ServerError> {
        let mut change = Change::default();
        for some in routes.chunks(TOGETHER) {
            let mut tx = begin(self.pool().await?).await.map_err(explained)?;
            let onward = some.iter().filter_map(|route| route.onward.as_ref());
            let peers = onward.map(|onward| (onward.server.as_str(), &onward.entrance));
            put_peers(&mut tx, peers.collect())
                .await
                .map_err(explained)?;
            put_forwards(&mut tx, some).await.map_err(explained)?;
            change = this_change(&mut tx).await.map_err(explained)?;
            tx.commit().in_time().await.map_err(explained)?;
        }
        Ok(change)
    }

    /// Waits until the front door passes phones and calendars on as it was with this change. One
    /// that does not answer in time holds nothing up: mail and its clients do not go through it, and
    /// it takes the change over when it runs again.
    pub(super) async fn front_door_took(&self, change: Change) -> Result<(), ServerError> {
        let waited = timeout(FRONT_DOOR, async {
            while !self.is_taken(change).await? {
                sleep(ASK_EVERY).await;
            }
            Ok(())
        });
        waited.await.unwrap_or_else(|_| {
            tracing::warn!(
                "the front door did not take over within {} s where mailboxes live: until it does, \
                 phones and calendars that still connect here do not reach their new home. See \
                 log/front-forwards.log of the mail stack",
                FRONT_DOOR.as_secs()
            );
            Ok(())
        })
    }

    /// Also where no front door follows the directory.
    async fn is_taken(&self, change: Change) -> Result<bool, ServerError> {
        sqlx::query_scalar("SELECT coalesce(taken >= $1, true) FROM forwards_changes")
            .bind(change.0)
            .fetch_one(self.pool().await?)
            .in_time()
            .await
            .map_err(explained)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn explained(fault: sqlx::Error) -> ServerError {
    explain(&fault)
}

type Tx<'a> = Transaction<'a, Postgres>;

impl Directory {
    /// Writes where those of these servers are that something is passed on to. Says as what change
    /// if one of them was elsewhere.
    pub(super) async fn introduce(
        &self,
        peers: &[(String, Entrance)],
    ) -> Result<Option<Change>, ServerError> {
        let mut tx = begin(self.pool().await?).await.map_err(explained)?;
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM peers")
            .fetch_all(&mut *tx)
            .in_time()
            .await
            .map_err(explained)?;
        let known = peers.iter().filter(|(name, _)| known.contains(name));
        let known = known.map(|(name, to)| (name.as_str(), to)).collect();
        let moved = put_peers(&mut tx, known).await.map_err(explained)?;
        let change = this_change(&mut tx).await.map_err(explained)?;
        tx.commit().in_time().await.map_err(explained)?;
        Ok((moved > 0).then_some(change))
    }
}

/// What the transaction itself made of it: nobody else can change that before it ends.
async fn this_change(tx: &mut Tx<'_>) -> sqlx::Result<Change> {
    sqlx::query_scalar("SELECT change FROM forwards_changes")
        .fetch_one(&mut **tx)
        .in_time()
        .await
        .map(Change)
}

/// In the order of their names, so that two writers do not wait for each other in a circle.
/// Says how many were new or elsewhere.
async fn put_peers(tx: &mut Tx<'_>, peers: BTreeMap<&str, &Entrance>) -> sqlx::Result<u64> {
    let mut written = 0;
    let port = |port: Option<u16>| port.map(i32::from);
    for (name, to) in peers {
        let done = sqlx::query(
            "INSERT INTO peers (name, host, smtp, imap, pop3, sieve, verified, http) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO UPDATE SET \
               host = excluded.host, smtp = excluded.smtp, imap = excluded.imap, \
               pop3 = excluded.pop3, sieve = excluded.sieve, verified = excluded.verified, \
               http = excluded.http \
             WHERE (peers.*) IS DISTINCT FROM (excluded.*)",
        )
        .bind(name)
        .bind(&to.host)
        .bind(i32::from(to.smtp))
        .bind(port(to.imap))
        .bind(port(to.pop3))
        .bind(port(to.sieve))
        .bind(to.verified)
        .bind(&to.http)
        .execute(&mut **tx)
        .in_time()
        .await?;
        written += done.rows_affected();
    }
    Ok(written)
}

async fn put_forwards(tx: &mut Tx<'_>, routes: &[Route]) -> sqlx::Result<()> {
    let each = || routes.iter();
    let onward = || routes.iter().map(|route| route.onward.as_ref());
    let of = |onward: Option<&Onward>| hash_for(onward.and_then(|o| o.password_hash.as_ref()));
    let markers: Vec<_> = each().map(|r| r.mailbox.to_string()).collect();
    let addresses: Vec<_> = each().map(|r| r.address.as_str()).collect();
    let generations: Vec<_> = each().map(|r| r.generation).collect();
    let peers: Vec<_> = onward().map(|o| o.map(|o| o.server.as_str())).collect();
    let receives: Vec<_> = onward().map(|o| o.is_some_and(|o| o.receives)).collect();
    let submits: Vec<_> = onward().map(|o| o.is_some_and(|o| o.submits)).collect();
    let hashes: Vec<_> = onward().map(of).collect();
    // An address that was another mailbox's before, which is gone or goes by another name now.
    sqlx::query(
        "DELETE FROM forwards f USING unnest($1::text[], $2::text[]) AS n (marker, address) \
         WHERE f.address = n.address AND f.marker <> n.marker",
    )
    .bind(&markers)
    .bind(&addresses)
    .execute(&mut **tx)
    .in_time()
    .await?;
    sqlx::query(
        "INSERT INTO forwards AS f (marker, address, generation, peer, receives, smtp, \
           password_hash) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], \
           $6::boolean[], $7::text[]) ORDER BY 1 \
         ON CONFLICT (marker) DO UPDATE SET address = excluded.address, \
           generation = excluded.generation, peer = excluded.peer, \
           receives = excluded.receives, smtp = excluded.smtp, \
           password_hash = excluded.password_hash \
         WHERE f.generation <= excluded.generation",
    )
    .bind(&markers)
    .bind(&addresses)
    .bind(&generations)
    .bind(&peers)
    .bind(&receives)
    .bind(&submits)
    .bind(&hashes)
    .execute(&mut **tx)
    .in_time()
    .await?;
    Ok(())
}
