//! Where mailboxes live: the directory's tables `peers` and `forwards`.
use std::collections::BTreeMap;

use sqlx::{Postgres, Transaction};

use super::directory::{Directory, hash_for};
use super::faults::explain;
use crate::backends::ServerError;
use crate::domain::mailserver::{Entrance, Onward, Route};

/// Routes of one transaction.
const TOGETHER: usize = 1000;

impl Directory {
    /// Writes routes, and where the servers are that they lead to.
    pub(super) async fn put_routes(&self, routes: &[Route]) -> Result<(), ServerError> {
        for some in routes.chunks(TOGETHER) {
            let mut tx = self.pool().await?.begin().await.map_err(explained)?;
            let onward = some.iter().filter_map(|route| route.onward.as_ref());
            let peers = onward.map(|onward| (onward.server.as_str(), &onward.entrance));
            put_peers(&mut tx, peers.collect())
                .await
                .map_err(explained)?;
            put_forwards(&mut tx, some).await.map_err(explained)?;
            tx.commit().await.map_err(explained)?;
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn explained(fault: sqlx::Error) -> ServerError {
    explain(&fault)
}

type Tx<'a> = Transaction<'a, Postgres>;

impl Directory {
    /// Writes where those of these servers are that something is passed on to. Says whether one of
    /// them was elsewhere.
    pub(super) async fn introduce(
        &self,
        peers: &[(String, Entrance)],
    ) -> Result<bool, ServerError> {
        let mut tx = self.pool().await?.begin().await.map_err(explained)?;
        let known: Vec<String> = sqlx::query_scalar("SELECT name FROM peers")
            .fetch_all(&mut *tx)
            .await
            .map_err(explained)?;
        let known = peers.iter().filter(|(name, _)| known.contains(name));
        let known = known.map(|(name, to)| (name.as_str(), to)).collect();
        let moved = put_peers(&mut tx, known).await.map_err(explained)?;
        tx.commit().await.map_err(explained)?;
        Ok(moved > 0)
    }
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
    .await?;
    Ok(())
}
