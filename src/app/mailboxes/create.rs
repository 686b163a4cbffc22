//! New mailboxes: the address, the plan, the size, the place.
use serde_json::json;

use super::super::users::NewMailbox;
use super::super::{AppError, plans, seats};
use super::{event, find};
use crate::authz::{CreateMailboxes, Includes, Mutates, ViewPlans};
use crate::domain::{
    DomainId, EmailAddress, Invalid, Kind, Mailbox, MailboxId, Protocols, ServerId, Switches,
    TenantId, TenantKind, User, UserId, plan,
};
use crate::store::addresses::{self, Holder};
use crate::store::{self, Work};

/// Makes a mailbox: for a user of that address, or a shared one (`user` is `None`) with a name.
/// The server may be down: the mailbox is made when it is back.
pub async fn create(
    work: Work<CreateMailboxes>,
    address: EmailAddress,
    display_name: Option<String>,
    user: Option<&str>,
    new: NewMailbox,
) -> Result<Mailbox, AppError> {
    let (tenant, domain) = home(&work, &address).await?;
    let holder = addresses::holder(&work, &address).await?;
    let user = match user {
        Some(named) => Some(its_user(&work, named, &address).await?),
        None => None,
    };
    if let Some(holder) = holder
        && (holder.mailbox || user.is_none())
    {
        return Err(taken(&address, holder));
    }
    let display_name = display_name
        .or_else(|| user.as_ref().map(|user| user.display_name.clone()))
        .ok_or_else(|| Invalid::field("display_name", "Enter a name for the shared mailbox."))?;
    let whose = Whose {
        tenant,
        domain,
        user: user.map(|user| user.id),
        address: &address,
        display_name: &display_name,
    };
    let id = add(&work, &whose, new, "").await?;
    let mailbox = find(&work, &id.to_string()).await?;
    work.commit(created(&mailbox)).await?;
    Ok(mailbox)
}

/// Whose mailbox is to be made; every id was looked up.
#[derive(Debug)]
pub(in crate::app) struct Whose<'a> {
    pub(in crate::app) tenant: TenantId,
    pub(in crate::app) domain: DomainId,
    pub(in crate::app) user: Option<UserId>,
    pub(in crate::app) address: &'a EmailAddress,
    pub(in crate::app) display_name: &'a str,
}

/// Writes the mailbox. `within` stands before the names of the fields in faults, such as
/// `mailbox/`.
pub(in crate::app) async fn add<P>(
    work: &Work<P>,
    whose: &Whose<'_>,
    new: NewMailbox,
    within: &str,
) -> Result<MailboxId, AppError>
where
    P: Mutates + Includes<CreateMailboxes> + Includes<ViewPlans>,
{
    let slug = new.plan.as_deref();
    let field = format!("{within}plan");
    let plan = plans::choose(work, whose.tenant, new.kind, slug, &field).await?;
    let quota_bytes = match new.quota_bytes {
        Some(bytes) => plan::quota(&format!("{within}quota_bytes"), bytes, &plan)?,
        None => plan.quota_bytes,
    };
    let seat = seats::take(work, whose.tenant, plan.id).await?;
    seat.map_err(|none| Invalid::field(&field, none.sentence()))?;
    let new = store::mailboxes::New {
        tenant: whose.tenant,
        domain: whose.domain,
        user: whose.user,
        address: whose.address,
        display_name: whose.display_name,
        quota_bytes,
        server: place(work, new.kind).await?,
        switches: Switches::on(plan.starts_on.and(plan.allowed)),
        plan: &plan,
        receives: true,
        remote_id: None,
    };
    Ok(store::mailboxes::create(work, new).await?)
}

async fn place<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    kind: Kind,
) -> Result<ServerId, AppError> {
    let server = store::servers::place(work, kind).await?;
    server.ok_or_else(|| {
        let needed: Vec<_> = kind
            .starts_on()
            .without(Protocols::of(&[crate::domain::Protocol::Jmap]))
            .iter()
            .map(crate::domain::Protocol::label)
            .collect();
        AppError::conflict(
            "no-server",
            format!(
                "No mail server offers all that a mailbox for {} needs: {}. Add one that does.",
                kind.label(),
                needed.join(", ")
            ),
        )
    })
}

/// The tenant and the domain of a new address: a domain of the customer that the path names.
pub(in crate::app) async fn home<P: Includes<CreateMailboxes>>(
    work: &Work<P>,
    address: &EmailAddress,
) -> Result<(TenantId, DomainId), AppError> {
    let tenant = work.tenant();
    if tenant.kind != TenantKind::Customer {
        return Err(Invalid::field(
            "address",
            format!(
                "{} is not a customer: addresses belong to customers. Add it to one of them.",
                tenant.name
            ),
        )
        .into());
    }
    let found = addresses::domain_of(work, address).await?;
    found.ok_or_else(|| {
        Invalid::field(
            "address",
            format!(
                "{} is not a domain of {}. Use one of its domains, or add this one first.",
                address.domain(),
                tenant.name
            ),
        )
        .into()
    })
}

async fn its_user(
    work: &Work<CreateMailboxes>,
    named: &str,
    address: &EmailAddress,
) -> Result<User, AppError> {
    let fault = |detail| AppError::from(Invalid::field("user", detail));
    let user = store::users::find(work, named)
        .await?
        .ok_or_else(|| fault(format!("There is no user “{named}” here.")))?;
    if user.address != *address {
        return Err(fault(format!(
            "{} signs in with another address than {address}. A user's mailbox has the user's \
             address.",
            user.address
        )));
    }
    Ok(user)
}

/// The conflict of an address that somebody has.
pub(in crate::app) fn taken(address: &EmailAddress, holder: Holder) -> AppError {
    let detail = if holder.retained {
        format!(
            "A mailbox of {address} was taken away and is still kept. Bring it back, or destroy it \
             to use the address anew."
        )
    } else if holder.mailbox {
        format!("There is a mailbox of {address} already. Choose another address.")
    } else {
        format!(
            "{address} is the address of a user. Give that user a mailbox, or choose another \
             address."
        )
    };
    AppError::conflict("address-taken", detail)
}

/// The audit event of a new mailbox.
pub(in crate::app) fn created(mailbox: &Mailbox) -> crate::store::Event {
    let after = json!({
        "kind": mailbox.kind,
        "plan": mailbox.plan_slug,
        "quota_bytes": mailbox.quota_bytes,
        "server": mailbox.server_name,
        "user": mailbox.user,
    });
    event("mailbox.created", mailbox).change(serde_json::Value::Null, after)
}
