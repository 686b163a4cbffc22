//! Messages over a real SMTP conversation into real mailboxes, while the program is killed again and
//! again: nobody is told twice, and whoever was not told for sure stands on the page.
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::app::messages;
use pilothouse::authz::{EditMailboxes, ViewMessages};
use pilothouse::domain::message::{Message, MessageState, Moment};
use pilothouse::domain::{Kind, MailboxId, PageRequest};
use pilothouse::store::messages::MessageFilter;

use crate::real::{Owner, Real};
use crate::sigkill::{Panel, registered};
use crate::stage::Stage;
use crate::theatre::{batch, batch_of, items, try_start};

const OWNERS: usize = 40;
/// From the first kill to the end.
const PATIENCE: Duration = Duration::from_mins(3);
const AFTER: &str = "Your mailbox is an Exchange mailbox now";
const BEFORE: &str = "Your mailbox becomes an Exchange mailbox";

fn panel(real: &Real) -> Panel {
    let smtp = format!("smtp://{}:{}", real.doors.host, real.doors.smtp);
    let settings = [
        ("PILOTHOUSE_MAIL__TRANSPORT", "smtp"),
        ("PILOTHOUSE_MAIL__SMTP_URL", smtp.as_str()),
        ("PILOTHOUSE_MAIL__FROM", "panel@hosting.test"),
        ("PILOTHOUSE_ENGINE__CONVERSIONS_PER_SERVER", "16"),
    ];
    Panel::start_with(&real.stage, &settings)
}

async fn all_messages(stage: &Stage) -> Vec<Message> {
    let mut all = vec![];
    let mut page = PageRequest::first();
    loop {
        let work = stage.work::<ViewMessages>("acme").await;
        let some = messages::list(&work, &MessageFilter::default(), &page)
            .await
            .unwrap();
        all.extend(some.items);
        match some.next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

async fn owners(real: &Real) -> Vec<Owner> {
    let mut owners = vec![];
    for _ in 0..OWNERS {
        let local = format!("p{}", MailboxId::new().0.simple());
        let address = real.stage.add(&local, Kind::PopImap).await.address;
        owners.push(Owner {
            local,
            address: address.as_str().to_owned(),
        });
    }
    for owner in &owners {
        real.stage
            .until_state(&owner.local, pilothouse::domain::MailboxState::Ready)
            .await;
    }
    owners
}

#[tokio::test]
async fn forty_owners_are_told_once_each_while_the_program_is_killed() {
    let Some(real) = Real::new().await else {
        return;
    };
    registered(&real.stage).await;
    let mut running = panel(&real);
    let owners = owners(&real).await;
    // One of them takes no mail, so that the server refuses what it is told.
    let deaf = &owners[0];
    let change = MailboxChange {
        receives: Some(false),
        ..MailboxChange::default()
    };
    let work = real.stage.work::<EditMailboxes>("acme").await;
    mailboxes::update(work, &deaf.address, change, None)
        .await
        .unwrap();
    real.stage
        .until(&deaf.local, |mailbox| {
            mailbox.seen_generation == mailbox.asked_generation
        })
        .await;
    let locals: Vec<&str> = owners.iter().map(|owner| owner.local.as_str()).collect();
    let mut new = batch_of(&locals, Kind::Exchange);
    new.notify_users = true;
    let started = try_start(&real.stage, new).await.unwrap();

    let begun = Instant::now();
    let mut kills = 0;
    let open = |one: &Message| matches!(one.state, MessageState::Waiting | MessageState::Sending);
    loop {
        tokio::time::sleep(Duration::from_millis(900 + 370 * (kills % 5))).await;
        let counts = batch(&real.stage, &started).await.counts;
        let all = all_messages(&real.stage).await;
        let told = all.iter().filter(|one| one.moment == Moment::After).count();
        if counts.queued == 0 && told == OWNERS && !all.iter().any(open) {
            break;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "{kills} kills, {counts:?}, {} open",
            all.iter().filter(|one| open(one)).count()
        );
        if kills < 6 {
            running.kill();
            kills += 1;
            running = panel(&real);
        }
    }
    let failed: Vec<_> = items(&real.stage, &started)
        .await
        .into_iter()
        .filter(|i| i.error.is_some())
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(kills >= 3, "it was killed {kills} times only");
    reckon(&real, &owners, kills).await;
}

async fn reckon(real: &Real, owners: &[Owner], kills: u64) {
    // What Postfix has taken may still be on its way into the mailbox.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut by_address: HashMap<String, Vec<Message>> = HashMap::new();
    for one in all_messages(&real.stage).await {
        by_address
            .entry(one.recipient.to_string())
            .or_default()
            .push(one);
    }
    let (mut before, mut after, mut unsure) = (0, 0, 0);
    for owner in owners {
        let heads = real
            .imap(owner)
            .await
            .unwrap()
            .read_heads("INBOX")
            .await
            .unwrap();
        let heads = heads
            .messages
            .values()
            .map(|head| String::from_utf8_lossy(head));
        let heads: Vec<String> = heads.map(|head| head.replace("\r\n ", " ")).collect();
        let told = &by_address[&owner.address];
        for (moment, subject) in [(Moment::Before, BEFORE), (Moment::After, AFTER)] {
            let arrived = heads.iter().filter(|head| head.contains(subject)).count();
            assert!(
                arrived <= 1,
                "{} was told {arrived} times: {heads:?}",
                owner.address
            );
            let Some(message) = told.iter().find(|one| one.moment == moment) else {
                assert_eq!((moment, arrived), (Moment::Before, 0));
                continue;
            };
            match message.state {
                MessageState::Sent => assert_eq!(arrived, 1, "{message:?}"),
                MessageState::Unsure => unsure += 1,
                MessageState::Dropped => assert_eq!((moment, arrived), (Moment::Before, 0)),
                MessageState::Bounced => {
                    assert_eq!(
                        (owner.address.as_str(), arrived),
                        (owners[0].address.as_str(), 0)
                    );
                    let said = message.said.as_deref().unwrap_or_default();
                    assert!(said.starts_with('5'), "{said}");
                    eprintln!("refused with: {said}");
                }
                MessageState::Waiting | MessageState::Sending => panic!("{message:?}"),
            }
            match moment {
                Moment::Before => before += arrived,
                _ => after += arrived,
            }
        }
    }
    eprintln!(
        "{kills} kills; before: {before}, after: {after} of {}, not known: {unsure}",
        owners.len() - 1
    );
    assert!(
        after + unsure >= owners.len() - 1,
        "somebody was not told and nothing says so"
    );
}
