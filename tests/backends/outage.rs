//! A server that is not there: everything says so, and that it may pass.
use std::sync::Arc;
use std::time::{Duration, Instant};

use pilothouse::backends::memory::{Call, Fault, MemoryServer};
use pilothouse::backends::{self, Depth, MailServer, ServerError};
use pilothouse::domain::mailserver::Change;
use pilothouse::domain::{Clock, Protocol};
use serde_json::json;

use crate::clients;
use crate::support::Subject;

/// The real adapter with nobody behind it.
fn absent() -> Arc<dyn MailServer> {
    clients::install_crypto();
    let nowhere = "127.0.0.1:9";
    let settings = json!({
        "host": "127.0.0.1", "offers": ["imap", "pop3", "smtp", "activesync"], "imap": 9, "pop3": 9,
        "submission": 9, "http": format!("http://{nowhere}"), "panel_imap": nowhere,
        "master_user": "panel", "doveadm_url": format!("http://{nowhere}/doveadm/v1"),
        "directory_url": format!("postgres://panel@{nowhere}/directory"), "memcached": [nowhere],
    });
    let secrets =
        json!({"master_password": "m", "doveadm_api_key": "k", "directory_password": "d"});
    backends::adapter("dovecot_sogo", settings, secrets).expect("settings that are taken")
}

fn absent_in_memory() -> Arc<dyn MailServer> {
    let server = MemoryServer::full(Clock::System);
    server.go_down();
    Arc::new(server)
}

async fn says_that_it_does_not_answer(server: Arc<dyn MailServer>) {
    let subject = Subject::in_memory();
    let desired = subject.desired("ann");
    let put = Change::PutDomain {
        name: subject.domain.clone(),
        accepts: true,
    };
    let faults: Vec<ServerError> = vec![
        server.health().await.unwrap_err(),
        server
            .observe(std::slice::from_ref(&desired.address))
            .await
            .unwrap_err(),
        server.list(None, 10).await.unwrap_err(),
        server
            .usage(std::slice::from_ref(&desired.address))
            .await
            .unwrap_err(),
        server.apply(&put).await.unwrap_err(),
        server
            .apply(&Change::Create(desired.clone()))
            .await
            .unwrap_err(),
        server
            .snapshot(&desired.address, Depth::Bodies, None, &|_| {})
            .await
            .unwrap_err(),
    ];
    for fault in faults {
        assert!(matches!(fault, ServerError::Unreachable(_)), "{fault}");
        assert!(fault.passes());
        assert!(!fault.to_string().contains("\"d\""), "{fault}");
    }
    for protocol in Protocol::ALL {
        let answer = server.check(protocol).await;
        assert!(!answer.reachable && !answer.detail.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn an_absent_server_in_memory_says_that_it_does_not_answer() {
    says_that_it_does_not_answer(absent_in_memory()).await;
}

#[tokio::test]
async fn an_absent_stack_says_that_it_does_not_answer_before_long() {
    let start = Instant::now();
    says_that_it_does_not_answer(absent()).await;
    assert!(
        start.elapsed() < Duration::from_secs(40),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_lost_answer_had_its_effect_and_the_same_again_is_fine() {
    let server = MemoryServer::full(Clock::System);
    let subject = Subject::in_memory();
    let desired = subject.desired("ann");
    let put = Change::PutDomain {
        name: subject.domain.clone(),
        accepts: true,
    };
    server.apply(&put).await.unwrap();
    server.fail_next(Call::Apply, 1, &Fault::LoseAnswer);
    let lost = server
        .apply(&Change::Create(desired.clone()))
        .await
        .unwrap_err();
    assert!(lost.passes());
    assert!(server.account(&desired.address).is_some());
    server
        .apply(&Change::Create(desired.clone()))
        .await
        .unwrap();

    server.fail_next(Call::Apply, 1, &Fault::LoseRequest);
    let remove = Change::Remove {
        address: desired.address.clone(),
        remote_id: server.account(&desired.address).unwrap().remote_id,
    };
    server.apply(&remove).await.unwrap_err();
    assert!(server.account(&desired.address).is_some());
    assert_eq!(server.calls(Call::Apply), 4);
}

#[tokio::test]
async fn a_database_that_is_no_directory_is_told_in_a_sentence() {
    let Some(subject) = Subject::real_with(|info| {
        let url = info["directory_url"]
            .as_str()
            .expect("a URL")
            .replace("/directory", "/postgres");
        info["directory_url"] = url.into();
    }) else {
        return;
    };
    let fault = subject.server.health().await.unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
    assert!(fault.to_string().contains("schema_version"), "{fault}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_a_wrong_master_password_is_waited_for_with_its_words() {
    let wrong = |info: &mut serde_json::Value| {
        info["master_password"] = "wrong".into();
        info["doveadm_api_key"] = "wrong".into();
    };
    let (Some(right), Some(subject)) = (Subject::real(), Subject::real_with(wrong)) else {
        return;
    };
    let desired = right.desired("ann");
    right.create(&desired).await;
    let read = subject
        .server
        .snapshot(&desired.address, Depth::Bodies, None, &|_| {})
        .await;
    // A Dovecot that is just ending says the same to the right one.
    let words = |why: &String| why.contains("Authentication failed");
    assert!(
        matches!(&read, Err(ServerError::Busy(why)) if words(why)),
        "{read:?}"
    );
    let fault = subject.server.health().await.unwrap_err();
    assert!(matches!(fault, ServerError::Refused(_)), "{fault}");
}
