//! Filter scripts, by doveadm's `sieve` commands. They work on a mailbox whatever its doors.
use super::doveadm::{Command, Doveadm, NO_USER, NOT_FOUND, Reply};
use crate::backends::ServerError;
use crate::domain::EmailAddress;
use crate::domain::filters::Filters;

/// `EX_DATAERR`: the script does not compile here.
const NO_SCRIPT: i64 = 65;

/// Every script of a mailbox.
pub(super) async fn read(
    doveadm: &Doveadm,
    mailbox: &EmailAddress,
) -> Result<Filters, ServerError> {
    let user = mailbox.as_str();
    let listed = doveadm.run(&Command::SieveList(user)).await?;
    let mut filters = Filters::default();
    for row in listed.rows("sieveList", &[NO_USER])? {
        let Some(name) = row["script"].as_str() else {
            continue;
        };
        let got = doveadm.run(&Command::SieveGet { user, name }).await?;
        // Removed since it was listed.
        let rows = got.rows("sieveGet", &[NOT_FOUND])?;
        let Some(script) = rows.first().and_then(|row| row["sieve script"].as_str()) else {
            continue;
        };
        if row["active"] == "ACTIVE" {
            filters.active = Some(name.to_owned());
        }
        filters.scripts.insert(name.to_owned(), script.to_owned());
    }
    Ok(filters)
}

/// Makes the scripts these and no others.
pub(super) async fn write(
    doveadm: &Doveadm,
    mailbox: &EmailAddress,
    wanted: &Filters,
) -> Result<(), ServerError> {
    let user = mailbox.as_str();
    let there = read(doveadm, mailbox).await?;
    for (name, script) in &wanted.scripts {
        if there.scripts.get(name) == Some(script) {
            continue;
        }
        let put = doveadm
            .run(&Command::SievePut { user, name, script })
            .await?;
        if put == Reply::Exit(NO_SCRIPT) {
            let why = format!("does not take the filter {name}: Dovecot's log says why");
            return Err(ServerError::Refused(why));
        }
        put.rows("sievePut", &[])?;
    }
    if there.active != wanted.active {
        let command = match &wanted.active {
            Some(name) => Command::SieveActivate { user, name },
            None => Command::SieveDeactivate(user),
        };
        doveadm.run(&command).await?.rows("sieveActivate", &[])?;
    }
    for name in there.scripts.keys() {
        if !wanted.scripts.contains_key(name) {
            let gone = doveadm.run(&Command::SieveDelete { user, name }).await?;
            gone.rows("sieveDelete", &[NOT_FOUND])?;
        }
    }
    Ok(())
}
