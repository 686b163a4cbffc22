//! How often somebody tried to sign in: by address, so that nobody guesses one password, and by
//! network, so that nobody tries one password on many addresses. Kept in the database, so that all
//! panel processes count together and a restart forgives nothing.
//!
//! An attempt is counted before the password is looked at and taken back when it was right:
//! otherwise many at once would all see a low count.
use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect, Set,
};

use crate::store::schema::sign_in_throttle;
use crate::store::{Db, StoreError};

/// Failures by one address that cost nothing; the next one does.
const FREE_BY_ADDRESS: i32 = 5;
/// The same for a network: an office shares one address.
const FREE_BY_NETWORK: i32 = 20;
/// The first wait; each further failure doubles it …
const FIRST_WAIT: TimeDelta = TimeDelta::seconds(15);
/// … up to this.
const LONGEST_WAIT: TimeDelta = TimeDelta::minutes(15);
/// Failures are forgotten when there was none for this long.
const FORGOTTEN: TimeDelta = TimeDelta::hours(1);

/// What an attempt is counted under.
#[derive(Debug, Clone)]
pub struct Attempt {
    address: String,
    network: Option<String>,
}

impl Attempt {
    /// By the address as it was typed, and the network it came from: all of an IPv4 address, the
    /// first 64 bits of an IPv6 one, which is what one household gets.
    #[must_use]
    pub fn new(address: &str, ip: Option<IpAddr>) -> Self {
        let address = address.trim().to_lowercase();
        Self {
            address: format!("address:{}", super::digest(&address)),
            network: ip.map(|ip| format!("network:{}", network_of(ip))),
        }
    }

    fn keys(&self) -> impl Iterator<Item = (&str, i32)> {
        let address = (self.address.as_str(), FREE_BY_ADDRESS);
        let network = self.network.as_deref().map(|key| (key, FREE_BY_NETWORK));
        [address].into_iter().chain(network)
    }
}

fn network_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => format!("{ip}/32"),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Counts an attempt. `Some(moment)` when it may not be made before that moment: then it was not
/// counted, and the password must not be looked at.
pub async fn count(db: &Db, attempt: &Attempt) -> Result<Option<DateTime<Utc>>, StoreError> {
    let now = db.now();
    let tx = db.core.begin_write().await?;
    for (key, _) in attempt.keys() {
        ensure(&tx, key, now).await?;
    }
    let mut rows = vec![];
    for (key, free) in attempt.keys() {
        if let Some(row) = locked(&tx, key).await? {
            rows.push((row, free));
        }
    }
    let blocked = rows.iter().filter_map(|(row, _)| row.blocked_until).max();
    if let Some(until) = blocked.filter(|until| *until > now) {
        tx.rollback().await?;
        return Ok(Some(until));
    }
    for (row, free) in rows {
        add_failure(&tx, row, free, now).await?;
    }
    tx.commit().await?;
    Ok(None)
}

/// Takes the attempt back: it was right. The address starts afresh; the network loses only this
/// one, so that a guesser cannot clear its count with an account of its own.
#[expect(clippy::disallowed_methods, reason = "attempts belong to no tenant")]
pub async fn forgive(db: &Db, attempt: &Attempt) -> Result<(), StoreError> {
    let tx = db.core.begin_write().await?;
    sign_in_throttle::Entity::delete_many()
        .filter(sign_in_throttle::Column::Key.eq(attempt.address.as_str()))
        .exec(&tx)
        .await?;
    if let Some(network) = &attempt.network {
        let failures = Expr::col(sign_in_throttle::Column::Failures);
        let one_less = sea_orm::ExprTrait::sub(failures, 1);
        sign_in_throttle::Entity::update_many()
            .col_expr(sign_in_throttle::Column::Failures, one_less)
            .filter(sign_in_throttle::Column::Key.eq(network.as_str()))
            .filter(sign_in_throttle::Column::Failures.gt(0))
            .exec(&tx)
            .await?;
    }
    Ok(tx.commit().await?)
}

#[expect(clippy::disallowed_methods, reason = "attempts belong to no tenant")]
async fn ensure(tx: &DatabaseTransaction, key: &str, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = sign_in_throttle::ActiveModel {
        key: Set(key.to_owned()),
        failures: Set(0),
        window_ends_at: Set(now + FORGOTTEN),
        blocked_until: Set(None),
    };
    let mut nothing = sea_orm::sea_query::OnConflict::column(sign_in_throttle::Column::Key);
    nothing.do_nothing();
    sign_in_throttle::Entity::insert(row)
        .on_conflict(nothing)
        .exec_without_returning(tx)
        .await?;
    Ok(())
}

/// The row, which nobody else can count on before we are through: the order of the keys is the
/// same for everybody, address first.
#[expect(clippy::disallowed_methods, reason = "attempts belong to no tenant")]
async fn locked(
    tx: &DatabaseTransaction,
    key: &str,
) -> Result<Option<sign_in_throttle::Model>, DbErr> {
    sign_in_throttle::Entity::find()
        .filter(sign_in_throttle::Column::Key.eq(key))
        .lock_exclusive()
        .one(tx)
        .await
}

#[expect(clippy::disallowed_methods, reason = "attempts belong to no tenant")]
async fn add_failure(
    tx: &DatabaseTransaction,
    row: sign_in_throttle::Model,
    free: i32,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let before = if row.window_ends_at > now {
        row.failures
    } else {
        0
    };
    let failures = before.saturating_add(1);
    let row = sign_in_throttle::ActiveModel {
        key: Set(row.key),
        failures: Set(failures),
        window_ends_at: Set(now + FORGOTTEN),
        blocked_until: Set(wait(failures, free).map(|wait| now + wait)),
    };
    row.update(tx).await?;
    Ok(())
}

/// How long to wait after so many failures, the last of which has just begun.
fn wait(failures: i32, free: i32) -> Option<TimeDelta> {
    let beyond = u32::try_from(failures - free).ok()?;
    let factor = 2_i32.checked_pow(beyond.min(16))?;
    Some((FIRST_WAIT * factor).min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_begins_late_doubles_and_has_an_end() {
        assert_eq!(wait(4, 5), None);
        assert_eq!(wait(5, 5), Some(TimeDelta::seconds(15)));
        assert_eq!(wait(7, 5), Some(TimeDelta::seconds(60)));
        assert_eq!(wait(i32::MAX, 5), Some(LONGEST_WAIT));
    }

    #[test]
    fn a_network_is_what_one_household_has() {
        assert_eq!(
            network_of("::ffff:192.0.2.7".parse().unwrap()),
            "192.0.2.7/32"
        );
        assert_eq!(
            network_of("2001:db8:1:2:3:4:5:6".parse().unwrap()),
            "2001:db8:1:2::/64"
        );
    }
}
