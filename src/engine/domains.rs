//! Looks at DNS for domains whose admins asked for it, and proves those whose record is there.
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::dns::Dns;
use super::rhythm::{Again, Rhythm, keep};
use crate::authz::ManageDomains;
use crate::domain::dns::DnsRecord;
use crate::store::domains::{self, Domain, Look};
use crate::store::engine::domains::{Asked, asked};
use crate::store::{Event, TenantRef};

/// Domains looked at in one step.
const CHUNK: u64 = 8;
/// Between two looks, however often the bell rings.
const GAP: Duration = Duration::from_millis(100);
/// A look ends after this, whatever the resolver still tries.
const LONGEST: Duration = Duration::from_secs(15);

/// Runs until the shutdown.
pub async fn run(context: Context, dns: Dns, shutdown: CancellationToken) {
    let tick = context.pace.tick;
    keep(
        context,
        shutdown,
        "domains",
        Rhythm::heard(GAP, tick),
        move |context| run_once(context, dns.clone()),
    )
    .await;
}

/// Answers what was asked. Two processes that look at the same domain do no harm: the first answer
/// is kept.
pub async fn run_once(context: Context, dns: Dns) -> anyhow::Result<Again> {
    let waiting = asked(&context.store, CHUNK).await?;
    let full = waiting.len() as u64 == CHUNK;
    for done in join_all(waiting.iter().map(|one| look(&context, &dns, one))).await {
        done?;
    }
    Ok(if full { Again::Now } else { Again::Later })
}

/// No transaction is open while DNS is asked.
async fn look(context: &Context, dns: &Dns, asked: &Asked) -> anyhow::Result<()> {
    let tenant = TenantRef::Id(asked.tenant);
    let cx = context
        .store
        .authorize::<ManageDomains>("domain proof", &tenant)
        .await?;
    let work = cx.begin().await?;
    let Some(domain) = domains::find(&work, &asked.name).await? else {
        return Ok(());
    };
    drop(work);
    let mut records = domain.records.clone();
    let problem = match timeout(LONGEST, ask(dns, &mut records)).await {
        Ok(problem) => problem,
        Err(_) => Some(silent(LONGEST)),
    };
    let look = Look {
        asked_at: asked.at,
        records,
        problem,
    };
    let work = cx.begin().await?;
    let Some(domain) = domains::find(&work, &asked.name).await? else {
        return Ok(());
    };
    if let Some(proves) = domains::keep_look(&work, &domain, &look).await? {
        work.commit(told(&domain, &look, proves)).await?;
    }
    Ok(())
}

fn told(domain: &Domain, look: &Look, proves: bool) -> Event {
    let action = if proves {
        "domain.proved"
    } else {
        "domain.checked"
    };
    Event::new(action, "domain", domain.name.as_str())
        .id(domain.id.0)
        .change(
            serde_json::json!({"proved": domain.proved_at.is_some()}),
            serde_json::json!({"proved": domain.proved_at.is_some() || proves, "problem": look.problem}),
        )
}

/// Fills in what is there; says why it is no proof.
async fn ask(dns: &Dns, records: &mut [DnsRecord]) -> Option<String> {
    let answers = join_all(records.iter().map(|record| dns.has(record))).await;
    for (record, answer) in records.iter_mut().zip(&answers) {
        record.seen = answer.as_ref().ok().copied();
    }
    let proof = records.iter().find(|record| record.purpose == "proof")?;
    match proof.seen {
        Some(true) => None,
        None => Some(silent(LONGEST)),
        Some(false) => Some(missing(dns, proof).await),
    }
}

async fn missing(dns: &Dns, proof: &DnsRecord) -> String {
    let there = dns.values(&proof.kind, &proof.name).await;
    match there.ok().and_then(|values| values.into_iter().next()) {
        Some(other) => {
            let other: String = other
                .chars()
                .filter(|c| !c.is_control())
                .take(100)
                .collect();
            format!(
                "The TXT record at {} says “{other}”. It must say “{}”.",
                proof.name, proof.value
            )
        }
        None => format!(
            "DNS has no TXT record at {} yet. Publish it; it can take an hour to spread.",
            proof.name
        ),
    }
}

fn silent(after: Duration) -> String {
    format!(
        "DNS did not answer within {} seconds. Check the domain's name servers, then look again.",
        after.as_secs()
    )
}
