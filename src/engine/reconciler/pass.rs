//! One pass over some mailboxes of one server: observe them together, carry out each plan, read
//! them back together, record. The mailboxes are leased to `holder`; no transaction is held.
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;

use super::desired::desired;
use super::plan::{end_sessions, ours, plan, plan_removal};
use super::{Outcome, sentences};
use crate::backends::{Abilities, MailServer, ServerError};
use crate::domain::mailserver::{Change, DesiredMailbox, Observed, PasswordMark};
use crate::domain::{DomainId, DomainName, EmailAddress, MailboxId, Protocols};
use crate::engine::{Context, backoff, health, leases, routes};
use crate::store::engine::due::{self, Asked};
use crate::store::engine::seen::{self, Passed, Seen};
use crate::store::engine::{purge, routes as told, servers};

/// What a pass works with.
pub(super) struct Pass<'a> {
    pub(super) context: &'a Context,
    pub(super) server: servers::Server,
    pub(super) remote: Arc<dyn MailServer>,
    pub(super) holder: String,
}

/// A mailbox on its way through the pass.
struct Task {
    asked: Asked,
    desired: DesiredMailbox,
    changes: Vec<Change>,
    /// What is known of it so far.
    end: Option<End>,
}

/// What came of one mailbox.
enum End {
    Ready {
        remote_id: String,
        open: Protocols,
    },
    Removed,
    Failed(ServerError),
    /// Another executor holds the lease now: nothing was done, and nothing is written.
    Lost,
}

impl Pass<'_> {
    /// Brings the mailboxes forward and records what came of it.
    pub(super) async fn run(&self, asked: Vec<Asked>) -> anyhow::Result<Vec<(MailboxId, Outcome)>> {
        let now = self.context.store.clock().now();
        let leased: Vec<_> = asked.iter().map(|asked| asked.mailbox.id).collect();
        let tasks = asked.into_iter().map(|asked| Task::new(asked, now));
        let work = self.go_through(tasks.collect());
        let lease = self.context.pace.lease;
        let renew = || due::renew(&self.context.store, &leased, &self.holder, lease);
        let (tasks, setback) = leases::holding(&self.server.name, lease, renew, work).await?;
        self.record(tasks, setback).await
    }

    /// The second value is the fault of the server as a whole, when it could not be observed.
    async fn go_through(
        &self,
        mut tasks: Vec<Task>,
    ) -> anyhow::Result<(Vec<Task>, Option<ServerError>)> {
        let mut observed = match self.observe(tasks.iter()).await {
            Ok(observed) => observed,
            Err(error) => return Ok((tasks, Some(error))),
        };
        if self.server.failures > 0 {
            servers::up(&self.context.store, self.server.id, None).await?;
        }
        for task in &mut tasks {
            let seen = observed.remove(&task.desired.address).unwrap_or_default();
            task.decide(seen, self.remote.abilities());
        }
        self.drop_what_was_lost(&mut tasks).await?;
        self.keep_what_others_know(&mut tasks).await?;
        self.put_domains(&mut tasks).await?;
        let tasks = self.apply(tasks).await;
        Ok((self.read_back(tasks).await, None))
    }

    async fn observe<'t>(
        &self,
        tasks: impl Iterator<Item = &'t Task>,
    ) -> Result<HashMap<EmailAddress, Observed>, ServerError> {
        let addresses: Vec<_> = tasks.map(|task| task.desired.address.clone()).collect();
        if addresses.is_empty() {
            return Ok(HashMap::new());
        }
        self.remote.observe(&addresses).await
    }

    /// Right before anything is changed: whoever was too slow and lost a lease must not touch that
    /// account, for somebody else may have brought it further already.
    async fn drop_what_was_lost(&self, tasks: &mut [Task]) -> anyhow::Result<()> {
        let (store, lease) = (&self.context.store, self.context.pace.lease);
        let open = tasks.iter().filter(|task| task.end.is_none());
        let open: Vec<_> = open.map(|task| task.asked.mailbox.id).collect();
        let held = due::renew(store, &open, &self.holder, lease).await?;
        for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
            if !held.contains(&task.asked.mailbox.id) {
                task.end = Some(End::Lost);
            }
        }
        Ok(())
    }

    /// A mailbox is destroyed at its home last: until no other server passes anything on to it or
    /// keeps an account of it.
    async fn keep_what_others_know(&self, tasks: &mut [Task]) -> anyhow::Result<()> {
        let open = |task: &&mut Task| task.end.is_none() && task.asked.purge;
        for task in tasks.iter_mut().filter(open) {
            if told::known_elsewhere(&self.context.store, task.asked.mailbox.id).await? {
                let why = "other servers are told first that it is gone".to_owned();
                task.end = Some(End::Failed(ServerError::Busy(why)));
            }
        }
        Ok(())
    }

    /// Domains first, and each once: the accounts of a domain need it. A server that begins to take
    /// mail for a domain knows where all of it belongs by then.
    async fn put_domains(&self, tasks: &mut [Task]) -> anyhow::Result<()> {
        let mut domains: BTreeMap<DomainName, (DomainId, Change)> = BTreeMap::new();
        for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
            let is_domain = |change: &mut Change| matches!(change, Change::PutDomain { .. });
            for change in task.changes.extract_if(.., is_domain) {
                let domain = task.asked.mailbox.domain;
                domains.insert(task.desired.address.domain(), (domain, change));
            }
        }
        for (name, (domain, change)) in domains {
            let mut put = Ok(());
            if matches!(change, Change::PutDomain { accepts: true, .. }) {
                put = routes::serve(self.context, self.server.id, domain).await?;
            }
            if put.is_ok() {
                put = self.remote.apply(&change).await.map(|_| ());
            }
            if let Err(error) = put {
                let of_it = |task: &&mut Task| task.desired.address.domain() == name;
                for task in tasks.iter_mut().filter(of_it) {
                    task.end.get_or_insert_with(|| End::Failed(error.clone()));
                }
            }
        }
        Ok(())
    }

    async fn apply(&self, tasks: Vec<Task>) -> Vec<Task> {
        let at_once = self.context.pace.mailboxes_per_server.max(1);
        futures_util::stream::iter(tasks)
            .map(|task| self.apply_one(task))
            .buffer_unordered(at_once)
            .collect()
            .await
    }

    async fn apply_one(&self, mut task: Task) -> Task {
        if task.end.is_some() {
            return task;
        }
        for change in &task.changes {
            match self.remote.apply(change).await {
                Ok(Some(remote_id)) => task.desired.remote_id = Some(remote_id),
                Ok(None) => {}
                Err(error) => {
                    task.end = Some(End::Failed(error));
                    break;
                }
            }
        }
        task
    }

    /// A mailbox is ready when the server shows it so, never because it took a request.
    async fn read_back(&self, mut tasks: Vec<Task>) -> Vec<Task> {
        let open = |task: &&Task| task.end.is_none();
        match self.observe(tasks.iter().filter(open)).await {
            Ok(mut observed) => {
                let abilities = self.remote.abilities();
                for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
                    let seen = observed.remove(&task.desired.address).unwrap_or_default();
                    task.end = Some(task.compare(&seen, abilities));
                }
            }
            Err(error) => {
                for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
                    task.end = Some(End::Failed(error.clone()));
                }
            }
        }
        tasks
    }

    async fn record(
        &self,
        tasks: Vec<Task>,
        setback: Option<ServerError>,
    ) -> anyhow::Result<Vec<(MailboxId, Outcome)>> {
        let rest = match &setback {
            Some(error) => Some(health::set_back(self.context, &self.server, error).await?),
            None => None,
        };
        let (mut passes, mut outcomes, mut removed) = (vec![], vec![], HashSet::new());
        for task in &tasks {
            let mailbox = task.asked.mailbox.id;
            if matches!(task.end, Some(End::Removed)) {
                purge::delete_mailbox(&self.context.store, &task.asked.mailbox).await?;
                removed.insert(mailbox);
            }
            outcomes.push((mailbox, task.outcome(setback.as_ref())));
            passes.extend(
                self.result(task, setback.as_ref(), rest)
                    .map(|result| Seen {
                        mailbox,
                        generation: task.asked.mailbox.asked_generation,
                        result,
                    }),
            );
        }
        seen::record(&self.context.store, &self.holder, &passes).await?;
        Ok(outcomes)
    }

    fn result(
        &self,
        task: &Task,
        setback: Option<&ServerError>,
        rest: Option<Duration>,
    ) -> Option<Passed> {
        let name = &self.server.name;
        let begun = setback.is_none();
        let error = match (&task.end, setback) {
            (Some(End::Ready { remote_id, open }), _) => {
                return Some(Passed::Ready {
                    remote_id: remote_id.clone(),
                    open: *open,
                });
            }
            (Some(End::Failed(ServerError::Refused(why))), _) => {
                let problem = sentences::refused(name, why);
                return Some(Passed::Refused { problem });
            }
            (Some(End::Failed(error)), _) | (None, Some(error)) => error,
            (Some(End::Removed | End::Lost), _) | (None, None) => return None,
        };
        let again_in =
            rest.unwrap_or_else(|| backoff::after(task.asked.attempts + 1, rand::random::<f64>()));
        Some(Passed::Waits {
            problem: sentences::waits(name, error, again_in),
            again_in,
            begun,
        })
    }
}

impl Task {
    fn new(asked: Asked, now: DateTime<Utc>) -> Self {
        Self {
            desired: desired(&asked, now),
            asked,
            changes: vec![],
            end: None,
        }
    }

    /// The plan; or the end, when there is nothing to do.
    fn decide(&mut self, mut observed: Observed, abilities: Abilities) {
        if self.asked.purge {
            self.changes = plan_removal(&self.desired, &observed);
        } else {
            if !abilities.tells_password
                && let Some(account) = &mut observed.account
            {
                // It does not tell, so it is told once more.
                account.password = Some(PasswordMark(String::new()));
            }
            self.changes = plan(&self.desired, &observed, abilities);
            self.changes.extend(self.loose_end(&observed, abilities));
        }
        if self.changes.is_empty() {
            self.end = Some(self.compare(&observed, abilities));
        }
    }

    /// Whoever made the last pass may have closed a door and gone down before the people inside
    /// were shown out: nobody can see that on the server, so it is done again.
    fn loose_end(&self, observed: &Observed, abilities: Abilities) -> Option<Change> {
        let planned = |change: &Change| matches!(change, Change::EndSessions { .. });
        let due =
            self.asked.interrupted && abilities.ends_sessions && !self.changes.iter().any(planned);
        let account = ours(&self.desired, observed).filter(|_| due)?;
        Some(end_sessions(account))
    }

    fn compare(&self, observed: &Observed, abilities: Abilities) -> End {
        if self.asked.purge {
            return if plan_removal(&self.desired, observed).is_empty() {
                End::Removed
            } else {
                End::Failed(not_shown())
            };
        }
        match ours(&self.desired, observed) {
            Some(account) if plan(&self.desired, observed, abilities).is_empty() => End::Ready {
                remote_id: account.remote_id.clone(),
                open: account.open,
            },
            _ => End::Failed(not_shown()),
        }
    }

    fn outcome(&self, setback: Option<&ServerError>) -> Outcome {
        match (&self.end, setback) {
            (Some(End::Ready { .. }), _) => Outcome::Ready {
                generation: self.asked.mailbox.asked_generation,
            },
            (Some(End::Removed), _) => Outcome::Gone,
            (Some(End::Failed(error)), _) | (None, Some(error)) => Outcome::Not(error.clone()),
            (Some(End::Lost), _) | (None, None) => Outcome::Not(ServerError::Busy(
                "another process has taken the mailbox over".to_owned(),
            )),
        }
    }
}

fn not_shown() -> ServerError {
    ServerError::Busy("it took the change, but does not show it".to_owned())
}
