//! One scenario: everybody is at work while something strikes, until the time is over; then what
//! was struck is put right, what is under way ends, and everything is counted.
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::figures::Figures;
use crate::hosting::Customer;
use crate::operator::{Tally, begin, convert, follow, of_one_kind};
use crate::script::Script;
use crate::trial::Trial;
use crate::{owner, post, reckoning};

/// Admins who convert at the same time, each mailboxes of their own.
const ADMINS: usize = 2;

/// Everybody at work.
pub struct Run {
    trial: Trial,
    /// Whose mailboxes they are.
    pub customer: Arc<Customer>,
    /// How the panel is asked.
    pub script: Arc<Script>,
    tally: Arc<Tally>,
    begun: Instant,
    admins: JoinSet<()>,
    admins_stop: CancellationToken,
    owners: JoinSet<Duration>,
    post: JoinSet<()>,
    longest_out: Duration,
    mail_stops: CancellationToken,
}

impl Run {
    /// Sets everybody to work.
    pub fn start(trial: &Trial, customer: Arc<Customer>, script: Script) -> Self {
        println!("chaos: seed {}", trial.seed);
        let (admins_stop, mail_stops) = (CancellationToken::new(), CancellationToken::new());
        let (script, tally) = (Arc::new(script), Arc::new(Tally::default()));
        let mut owners = JoinSet::new();
        for which in 0..customer.mailboxes.len() {
            let dice = trial.dice(&format!("owner {which}"));
            owners.spawn(owner::work(
                customer.clone(),
                which,
                dice,
                mail_stops.clone(),
            ));
        }
        let post = post::deliver(customer.clone(), trial.dice("post"), mail_stops.clone());
        let mut admins = JoinSet::new();
        for admin in 0..ADMINS {
            let theirs = (0..customer.mailboxes.len()).filter(|n| n / 2 % ADMINS == admin);
            let everybody = (customer.clone(), script.clone(), tally.clone());
            let dice = trial.dice(&format!("admin {admin}"));
            let stop = admins_stop.clone();
            admins.spawn(convert(
                everybody,
                theirs.collect(),
                trial.rounds,
                dice,
                stop,
            ));
        }
        Self {
            trial: trial.clone(),
            customer,
            script,
            tally,
            begun: Instant::now(),
            admins,
            admins_stop,
            owners,
            post: JoinSet::from_iter([post]),
            longest_out: Duration::ZERO,
            mail_stops,
        }
    }

    /// Until the rounds or the time are over.
    pub async fn until_over(&mut self) {
        let time = tokio::time::sleep(self.trial.time);
        let admins = async { while self.admins.join_next().await.is_some() {} };
        tokio::select! {
            () = time => {}
            () = admins => {}
        }
    }

    /// Begins the conversion of these, which are of one kind and ready; its batch.
    pub async fn convert(&self, which: &[usize]) -> Value {
        let chosen = of_one_kind(&self.customer, &self.script, which, false).await;
        let wish = chosen.expect("mailboxes that are ready");
        let ready = wish.addresses.len();
        assert_eq!(ready, which.len(), "not all of them are ready");
        let begun = begin(&self.customer, &self.script, &self.tally, &wish).await;
        begun.unwrap_or_else(|refusal| panic!("refused: {refusal}"))
    }

    /// Waits until a batch of so many is over.
    pub async fn follow(&self, batch: &Value, count: usize) {
        follow(&self.customer, &self.script, &self.tally, batch, count).await;
    }

    /// Everybody ends what is under way, and rests.
    pub async fn rest(&mut self) {
        self.admins_stop.cancel();
        while let Some(admin) = self.admins.join_next().await {
            admin.expect("an admin who is at work");
        }
        self.mail_stops.cancel();
        while let Some(post) = self.post.join_next().await {
            post.expect("a postman at work");
        }
        while let Some(out) = self.owners.join_next().await {
            self.longest_out = self.longest_out.max(out.expect("an owner at work"));
        }
    }

    /// Lets what is under way end, and counts. Whatever was struck has to run again by now.
    pub async fn reckoned(mut self, scenario: &str, struck: String) -> Figures {
        self.rest().await;
        let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::Relaxed);
        let mut figures = Figures {
            scenario: scenario.to_owned(),
            seed: self.trial.seed,
            there: count(&self.tally.there),
            back: count(&self.tally.back),
            gave_up: count(&self.tally.gave_up),
            struck,
            longest_out: self.longest_out.as_secs_f64(),
            ..Figures::default()
        };
        figures.faults.stuck = count(&self.tally.stuck);
        figures.faults.without_receipt = count(&self.tally.without_receipt);
        reckoning::reckon(&self.customer, &self.script, &mut figures).await;
        figures.seconds = self.begun.elapsed().as_secs();
        figures
    }
}
