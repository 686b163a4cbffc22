//! The plan, held against a server in memory: it gets there in one pass from anywhere.
use chrono::DateTime;
use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::backends::MailServer;
use crate::backends::memory::MemoryServer;
use crate::domain::{Clock, DomainName, EmailAddress, MailboxId, Protocol, Protocols};

const ABILITIES: Abilities = Abilities {
    ends_sessions: true,
    tells_last_use: true,
    tells_password: true,
};

fn server() -> MemoryServer {
    MemoryServer::full(Clock::manual(DateTime::UNIX_EPOCH))
}

fn address() -> EmailAddress {
    EmailAddress::stored("ann@acme.test".to_owned())
}

fn protocols() -> impl Strategy<Value = Protocols> {
    // Everything but JMAP, which this server does not offer.
    proptest::collection::vec(0..6_usize, 0..6)
        .prop_map(|picks| picks.into_iter().map(|pick| Protocol::ALL[pick]).collect())
}

prop_compose! {
    fn desired()(
        password in proptest::option::of("[a-z]{1,4}"),
        open in protocols(),
        receives: bool,
        display_name in "[A-C]",
        reason in proptest::option::of("[x-z]"),
        quota in 1..4_i64,
        accepts: bool,
    ) -> DesiredMailbox {
        DesiredMailbox {
            id: MailboxId(uuid::Uuid::nil()),
            remote_id: None,
            address: address(),
            display_name,
            password_hash: password.map(SecretString::from),
            open,
            receives,
            closed_reason: reason,
            quota_bytes: quota << 20,
            domain_accepts: accepts,
        }
    }
}

prop_compose! {
    /// Nothing, our own account in any shape, or one without a marker that we adopted.
    fn observed()(
        there: bool,
        adopted: bool,
        shape in desired(),
        domain in proptest::option::of(any::<bool>()),
    ) -> Observed {
        let account = ObservedMailbox {
            remote_id: "r1".to_owned(),
            marker: (!adopted).then_some(shape.id),
            address: shape.address,
            display_name: shape.display_name,
            password: Some(PasswordMark::of(shape.password_hash.as_ref())),
            open: shape.open,
            receives: shape.receives,
            closed_reason: shape.closed_reason,
            quota_bytes: shape.quota_bytes,
        };
        // A server that holds an account knows its domain.
        let domain_accepts = if there { domain.or(Some(false)) } else { domain };
        Observed { domain_accepts, account: there.then_some(account) }
    }
}

/// A server in that state, with somebody connected by every protocol that is open.
fn server_like(observed: &Observed) -> MemoryServer {
    let server = server();
    server.set_domain(&domain(), observed.domain_accepts);
    if let Some(account) = &observed.account {
        server.plant(account.clone());
        for protocol in account.open.iter() {
            server.sign_in(&address(), protocol).unwrap();
        }
    }
    server
}

fn domain() -> DomainName {
    address().domain()
}

async fn look(server: &MemoryServer) -> Observed {
    let mut all = server.observe(&[address()]).await.unwrap();
    all.remove(&address()).unwrap()
}

async fn apply(server: &MemoryServer, changes: &[Change]) {
    for change in changes {
        server.apply(change).await.unwrap();
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

proptest! {
    #[test]
    fn one_pass_gets_there_from_anywhere(mut desired in desired(), observed in observed()) {
        block_on(async {
            let server = server_like(&observed);
            desired.remote_id = server.account(&address()).map(|account| account.remote_id);
            let changes = plan(&desired, &look(&server).await, ABILITIES);
            apply(&server, &changes).await;
            let after = look(&server).await;
            prop_assert!(plan(&desired, &after, ABILITIES).is_empty(), "{:?}", after);
            prop_assert_eq!(after.account.as_ref().unwrap().open, desired.open);
            // Nobody is left inside by a door that is closed now.
            for protocol in server.sessions(&address()) {
                prop_assert!(desired.open.has(protocol), "{:?} is still connected", protocol);
            }
            Ok(())
        })?;
    }

    #[test]
    fn applying_twice_changes_nothing(mut desired in desired(), observed in observed()) {
        block_on(async {
            let server = server_like(&observed);
            desired.remote_id = server.account(&address()).map(|account| account.remote_id);
            let changes = plan(&desired, &look(&server).await, ABILITIES);
            apply(&server, &changes).await;
            let once = look(&server).await;
            apply(&server, &changes).await;
            prop_assert_eq!(look(&server).await, once);
            Ok(())
        })?;
    }

    #[test]
    fn a_removal_leaves_nothing_and_is_over(mut desired in desired(), observed in observed()) {
        block_on(async {
            let server = server_like(&observed);
            desired.remote_id = server.account(&address()).map(|account| account.remote_id);
            apply(&server, &plan_removal(&desired, &look(&server).await)).await;
            let after = look(&server).await;
            prop_assert!(ours(&desired, &after).is_none());
            prop_assert!(plan_removal(&desired, &after).is_empty());
            Ok(())
        })?;
    }
}

fn any_desired() -> DesiredMailbox {
    DesiredMailbox {
        id: MailboxId(uuid::Uuid::nil()),
        remote_id: None,
        address: address(),
        display_name: "Ann".to_owned(),
        password_hash: Some(SecretString::from("$argon2id$1")),
        open: Protocols::of(&[Protocol::Imap, Protocol::Pop3]),
        receives: true,
        closed_reason: None,
        quota_bytes: 1 << 30,
        domain_accepts: true,
    }
}

fn held(desired: &DesiredMailbox) -> Observed {
    block_on(async {
        let server = server();
        apply(&server, &plan(desired, &Observed::default(), ABILITIES)).await;
        look(&server).await
    })
}

#[test]
fn somebody_elses_account_is_not_touched() {
    let mut observed = held(&any_desired());
    let account = observed.account.as_mut().unwrap();
    account.marker = Some(MailboxId(uuid::Uuid::max()));
    let stranger = DesiredMailbox {
        remote_id: Some(account.remote_id.clone()),
        ..any_desired()
    };
    let changes = plan(&stranger, &observed, ABILITIES);
    assert!(
        matches!(changes.as_slice(), [Change::Create(_)]),
        "{changes:?}"
    );
    assert!(plan_removal(&stranger, &observed).is_empty());
}

#[test]
fn opening_a_door_disturbs_nobody_and_closing_one_ends_sessions() {
    let observed = held(&any_desired());
    let mut desired = any_desired();
    desired.open = desired.open.with(Protocol::Smtp);
    let changes = plan(&desired, &observed, ABILITIES);
    assert!(
        matches!(changes.as_slice(), [Change::Update { .. }]),
        "{changes:?}"
    );
    desired.open = Protocols::of(&[Protocol::Imap]);
    let changes = plan(&desired, &observed, ABILITIES);
    assert!(
        matches!(
            changes.as_slice(),
            [Change::Update { .. }, Change::EndSessions { .. }]
        ),
        "{changes:?}"
    );
}

#[test]
fn a_new_password_ends_sessions_where_the_server_can() {
    let observed = held(&any_desired());
    let desired = DesiredMailbox {
        password_hash: Some(SecretString::from("$argon2id$2")),
        ..any_desired()
    };
    assert_eq!(plan(&desired, &observed, ABILITIES).len(), 2);
    let cannot = Abilities {
        ends_sessions: false,
        ..ABILITIES
    };
    assert_eq!(plan(&desired, &observed, cannot).len(), 1);
}
