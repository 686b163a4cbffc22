//! What is done to a mailbox besides changing it: switches, suspension, bringing it back, setting
//! right what was changed on its server.
use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::mailboxes::Mailbox;
use super::{One, OneOfOne};
use crate::app::{AppError, mailboxes};
use crate::authz::{
    EditMailboxes, Includes, Mutates, RemoveMailboxes, RepairMailboxes, SuspendMailboxes,
    ViewMailboxes,
};
use crate::domain::effective::SwitchValue;
use crate::domain::user::display_name;
use crate::domain::{self, Protocol};
use crate::store::{Cx, Work};
use crate::web::api::{Ask, Change, Json};
use crate::web::error::Problem;

/// A switch as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    /// On or off.
    on: bool,
    /// On until then, after which it turns itself off; null for no end.
    until: Option<DateTime<Utc>>,
}

/// Why a mailbox is suspended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspensionBody {
    /// For whoever looks at it later, and for the owner: 1 to 100 characters.
    #[schema(example = "Unpaid since October", min_length = 1, max_length = 100)]
    reason: String,
}

/// Begins the change, once it is sure that nobody else was faster.
async fn begin<P, Q, B>(ask: &Ask<Cx<P>, Q, B>, mailbox: &str) -> Result<Work<P>, Problem>
where
    P: Mutates + Includes<ViewMailboxes>,
{
    let work = ask.cx.begin().await?;
    let present = mailboxes::find(&work, mailbox).await?;
    ask.conditions.require(&present.asked_version())?;
    Ok(work)
}

fn done<P: Mutates, Q, B>(
    ask: &Ask<Cx<P>, Q, B>,
    mailbox: domain::Mailbox,
) -> Result<HttpResponse, Problem> {
    let version = mailbox.asked_version();
    ask.changed(&version, &Mailbox::at(mailbox, ask.cx.now()))
}

/// Set a switch
///
/// One that the kind or the plan does not allow cannot be turned on. Turning one off takes effect at
/// once: open connections are dropped.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/switches/{protocol}", operation_id = "setSwitch", tag = "Mailboxes",
    request_body = SwitchBody, responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn set_switch(
    ask: Ask<Cx<EditMailboxes>, Change, Json<SwitchBody>>,
    path: OneOfOne,
) -> Result<HttpResponse, Problem> {
    let protocol = Protocol::parse(&path.2).ok_or(AppError::NotFound("protocol"))?;
    let value = SwitchValue {
        on: ask.body.0.on,
        until: ask.body.0.until,
    };
    let (work, expected) = (ask.cx.begin().await?, ask.conditions.expected()?);
    done(
        &ask,
        mailboxes::set_switch(work, &path.1, protocol, value, expected).await?,
    )
}

/// Suspend a mailbox
///
/// Its owner cannot get in; mail still arrives. Every switch keeps its value. Suspending again only
/// changes the reason.
#[utoipa::path(put, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/suspension", operation_id = "suspendMailbox", tag = "Mailboxes",
    request_body = SuspensionBody, responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn suspend(
    ask: Ask<Cx<SuspendMailboxes>, Change, Json<SuspensionBody>>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let reason = display_name("reason", &ask.body.0.reason)?;
    let work = begin(&ask, &path.1).await?;
    done(&ask, mailboxes::suspend(work, &path.1, &reason).await?)
}

/// End a suspension
#[utoipa::path(delete, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/suspension", operation_id = "restoreMailbox", tag = "Mailboxes",
    responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn restore(
    ask: Ask<Cx<SuspendMailboxes>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = begin(&ask, &path.1).await?;
    done(&ask, mailboxes::restore(work, &path.1).await?)
}

/// Bring a retained mailbox back
///
/// In the kind it had, with all its mail.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/restorations", operation_id = "bringMailboxBack", tag = "Mailboxes",
    responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn bring_back(
    ask: Ask<Cx<RemoveMailboxes>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = begin(&ask, &path.1).await?;
    done(&ask, mailboxes::bring_back(work, &path.1).await?)
}

/// Repair drift
///
/// Brings what was changed on the server back to what was asked for.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/repairs", operation_id = "repairMailbox", tag = "Mailboxes",
    responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn repair(
    ask: Ask<Cx<RepairMailboxes>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = begin(&ask, &path.1).await?;
    done(&ask, mailboxes::repair(work, &path.1).await?)
}

/// Adopt drift
///
/// Takes what is on the server as what is asked for, where that is possible.
#[utoipa::path(post, path = "/api/v1/tenants/{tenant}/mailboxes/{mailbox}/adoptions", operation_id = "adoptDrift", tag = "Mailboxes",
    responses((status = 200, description = "The mailbox as it is now", body = Mailbox)))]
pub async fn adopt(
    ask: Ask<Cx<RepairMailboxes>, Change>,
    path: One,
) -> Result<HttpResponse, Problem> {
    let work = begin(&ask, &path.1).await?;
    done(&ask, mailboxes::adopt(work, &path.1).await?)
}
