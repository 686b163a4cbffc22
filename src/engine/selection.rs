//! Looks at what was chosen for a batch before anybody confirms it: chunk by chunk, under a lease,
//! each verdict kept with its row. Killed at any instruction, the look goes on at the chunk it was
//! in; nothing here changes a mailbox.
use std::collections::HashSet;

use super::Context;
use super::rhythm::Again;
use crate::authz::ViewConversions;
use crate::domain::conversion::pre_check::pre_check;
use crate::domain::selection::Choice;
use crate::store::conversions::{Facts, Named, named_facts};
use crate::store::engine::conversions::Saved;
use crate::store::engine::selections::{self, Task};
use crate::store::{TenantRef, mailboxes};

/// Mailboxes looked at together: however many were chosen, so many stand in memory.
const CHUNK: usize = 500;

/// Looks at one selection until it is through.
pub async fn step(context: Context) -> anyhow::Result<Again> {
    let (store, lease) = (&context.store, context.pace.lease);
    let Some(mut task) = selections::claim(store, &context.owner, lease).await? else {
        return Ok(Again::Later);
    };
    loop {
        match chunk(&context, &mut task).await {
            Ok(Some(true)) => {}
            Ok(_) => return Ok(Again::Now),
            Err(error) => {
                selections::release(store, &task).await?;
                return Err(error);
            }
        }
    }
}

/// Looks at the next chunk. Says whether there are more; `None` when the lease was lost.
async fn chunk(context: &Context, task: &mut Task) -> anyhow::Result<Option<bool>> {
    let (store, lease) = (&context.store, context.pace.lease);
    let rows = named(context, task).await?;
    let through = rows.len() < CHUNK;
    let found = look(context, task, rows).await?;
    if task.filter.is_some() {
        task.cursor = found
            .last()
            .map(|one| one.address.clone())
            .or(task.cursor.take());
    }
    let saved = selections::save(store, task, &found, task.cursor.as_deref(), through, lease);
    Ok(match saved.await? {
        Saved::Yes(()) => Some(!through),
        Saved::Lost => None,
    })
}

/// The next rows, by address only.
async fn named(context: &Context, task: &Task) -> anyhow::Result<Vec<Choice>> {
    let store = &context.store;
    let Some(filter) = &task.filter else {
        let rows = selections::unseen(store, task, CHUNK as u64).await?;
        let row = |(id, line, typed): (_, Option<i32>, String)| Choice {
            id,
            ..Choice::named(line.unwrap_or_default(), &typed)
        };
        return Ok(rows.into_iter().map(row).collect());
    };
    let work = view(context, task).await?;
    let after = task.cursor.as_deref();
    let found = mailboxes::addresses(&work, filter, after, CHUNK as u64).await?;
    let row = |address: String| Choice {
        line: None,
        ..Choice::named(0, &address)
    };
    Ok(found.into_iter().map(row).collect())
}

async fn view(
    context: &Context,
    task: &Task,
) -> anyhow::Result<crate::store::Work<ViewConversions>> {
    let tenant = TenantRef::Id(task.tenant);
    let cx = context
        .store
        .authorize::<ViewConversions>("selection", &tenant);
    Ok(cx.await?.begin().await?)
}

async fn look(
    context: &Context,
    task: &mut Task,
    rows: Vec<Choice>,
) -> anyhow::Result<Vec<Choice>> {
    let work = view(context, task).await?;
    let names: Vec<String> = rows.iter().map(|row| row.address.clone()).collect();
    let facts = named_facts(&work, task.to, &names, None).await?;
    drop(work);
    let known: Vec<_> = facts
        .iter()
        .filter_map(|named| match named {
            Named::Known(facts) => Some(facts.mailbox.id),
            _ => None,
        })
        .collect();
    let mut seen = if task.filter.is_some() {
        HashSet::new()
    } else {
        selections::already(&context.store, task, &known).await?
    };
    let now = context.store.clock().now();
    let mut promised = std::mem::take(&mut task.promised);
    let verdict = |(row, named): (Choice, Named)| match named {
        Named::Nobody => row.unknown(),
        Named::Unreadable(why) => {
            let why = format!(
                "What the panel has stored about {} cannot be read ({why}). The operator has to \
                 look at it.",
                row.address
            );
            row.left_out("unreadable", why)
        }
        Named::Known(facts) => {
            let facts = facts.on(task.server);
            let twice = !seen.insert(facts.mailbox.id);
            let check = pre_check(facts.subject(), task.to, &task.keep_open, now);
            if twice {
                let row = with_facts(row, &facts).seen(&check, now);
                let why = format!("{} is named twice. This row is left out.", row.address);
                return row.left_out("named_twice", why);
            }
            let check = check.seated(facts.seat(), &mut promised);
            with_facts(row, &facts).seen(&check, now)
        }
    };
    let looked = rows.into_iter().zip(facts).map(verdict).collect();
    task.promised = promised;
    Ok(looked)
}

fn with_facts(row: Choice, facts: &Facts) -> Choice {
    let mailbox = &facts.mailbox;
    Choice {
        mailbox: Some((mailbox.tenant, mailbox.id)),
        from: Some(mailbox.kind),
        server: mailbox.server_name.clone(),
        plan: facts.plan_to.as_ref().map(|plan| plan.id),
        ..row
    }
}
