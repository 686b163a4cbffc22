//! How long the calls that scripts make most take. Printed for whoever wants to know; the bounds are
//! wide, for a busy machine.
use std::time::{Duration, Instant};

use pilothouse::authz::Role;
use serde_json::json;

use super::app::spawn_app;

#[actix_web::test]
async fn making_a_user_and_reading_a_page_take_no_longer_than_a_person_would_wait() {
    let app = spawn_app().await;
    app.domain("acme", "acme.test").await;
    let admin = app.key("acme", Role::Admin).await;
    let (mut made, mut read) = (vec![], vec![]);
    for number in 0..20 {
        let body = json!({"address": format!("user{number}@acme.test"), "display_name": "A User",
            "password": "correct horse battery", "mailbox": {"kind": "pop_imap"}});
        let start = Instant::now();
        let answer = admin.post("/api/v1/tenants/acme/users", body).await;
        made.push(start.elapsed());
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    for _ in 0..20 {
        let start = Instant::now();
        let answer = admin.get("/api/v1/tenants/acme/mailboxes?limit=20").await;
        read.push(start.elapsed());
        assert_eq!(answer.json()["items"].as_array().unwrap().len(), 20);
    }
    made.sort();
    read.sort();
    println!("POST users: median {:?}, slowest {:?}", made[10], made[19]);
    println!(
        "GET mailboxes?limit=20: median {:?}, slowest {:?}",
        read[10], read[19]
    );
    assert!(made[10] < Duration::from_secs(2) && read[10] < Duration::from_secs(1));
}
