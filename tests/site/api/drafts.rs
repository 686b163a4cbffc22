//! `/conversions` with `"draft": true`: chosen, looked at, confirmed or discarded.
use serde_json::{Value, json};

use crate::app::spawn_app;
use crate::people::Asker;
use crate::support::database::exec;

const PATH: &str = "/api/v1/tenants/acme/conversions";

async fn looked_at(admin: &Asker<'_>, path: &str) -> Value {
    let through = |batch: &Value| !batch["selection"]["checked_at"].is_null();
    admin.get_until(path, through).await
}

#[actix_web::test]
async fn a_selection_is_looked_at_and_confirmed_by_a_patch() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let new =
        json!({"to": "exchange", "select": {"domain": "acme.test"}, "draft": true, "at_once": 1});
    let made = admin.post(PATH, new).await;
    assert_eq!(made.status, 202, "{}", made.text);
    assert_eq!(made.json()["state"], "draft");
    let path = made.header("location").to_owned();
    let draft = looked_at(&admin, &path).await;
    let found = &draft["selection"]["pre_check"];
    assert_eq!((&found["ready"], &found["blocked"]), (&json!(2), &json!(0)));
    assert_eq!(found["ways"], json!([{"what": "in_place", "count": 2}]));
    assert_eq!(draft["counts"]["total"], 0, "nothing has begun");

    let held = admin.patch(&path, json!({"state": "paused"})).await;
    held.is_problem(409);
    let later = json!({"not_before": "2037-01-01T00:00:00Z", "at_once": null});
    let changed = admin.patch(&path, later).await.json();
    assert_eq!(
        (&changed["state"], &changed["at_once"]),
        (&json!("draft"), &Value::Null)
    );
    let go = json!({"state": "running", "not_before": null});
    let running = admin.patch(&path, go).await;
    assert_eq!(running.status, 200, "{}", running.text);
    let done = admin
        .get_until(&path, |batch| batch["state"] == "done")
        .await;
    assert_eq!(
        (&done["counts"]["done"], &done["counts"]["left_out"]),
        (&json!(2), &json!(0))
    );
    let limited = admin.patch(&path, json!({"at_once": 7})).await.json();
    assert_eq!(limited["at_once"], 7);
}

#[actix_web::test]
async fn a_list_keeps_its_rows_and_says_why_one_is_left_out() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let names = [
        "ann@acme.test",
        "nobody@acme.test",
        "no address",
        "ann@acme.test",
    ];
    let new = json!({"to": "exchange", "mailboxes": names, "draft": true});
    let made = admin.post(PATH, new).await;
    let path = made.header("location").to_owned();
    looked_at(&admin, &path).await;
    let rows = admin
        .get(&format!("{path}/choices?group=blocked"))
        .await
        .json();
    let code = |row: u64| {
        let rows = rows["items"].as_array().unwrap();
        let found = rows.iter().find(|item| item["row"] == row).unwrap();
        found["blocker"]["code"].clone()
    };
    assert_eq!(
        [code(2), code(3), code(4)],
        [
            json!("not_found"),
            json!("not_an_address"),
            json!("named_twice")
        ]
    );
    let first = admin.get(&format!("{path}/choices?limit=2")).await.json();
    assert_eq!(
        (&first["total"], first["next_cursor"].is_null()),
        (&json!(4), false)
    );
    let csv = admin
        .get(&format!("{path}/choices.csv?group=blocked"))
        .await;
    assert_eq!(csv.text.lines().count(), 4, "{}", csv.text);

    let gone = admin.delete(&path).await;
    assert_eq!(
        (gone.status, &gone.json()["state"]),
        (200, &json!("cancelled"))
    );
    assert_eq!(admin.get(&path).await.status, 404);
}

#[actix_web::test]
async fn what_cannot_be_asked_for_is_a_fault_at_its_field() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann", "bob"]).await;
    let ask = |body: Value| admin.post(PATH, body);
    for (body, field) in [
        (json!({"to": "exchange", "select": {}}), "/draft"),
        (
            json!({"to": "exchange", "select": {"q": "nobody"}, "draft": true}),
            "/select",
        ),
        (
            json!({"to": "exchange", "select": {}, "mailboxes": ["ann@acme.test"], "draft": true}),
            "/select",
        ),
        (
            json!({"to": "exchange", "mailboxes": [], "draft": true}),
            "/mailboxes",
        ),
        (
            json!({"to": "exchange", "select": {}, "draft": true, "at_once": 0}),
            "/at_once",
        ),
        (
            json!({"to": "exchange", "select": {"colour": "red"}, "draft": true}),
            "/select/colour",
        ),
    ] {
        let answer = ask(body.clone()).await;
        assert_eq!(
            (answer.status, answer.pointer().as_str()),
            (422, field),
            "{body} {}",
            answer.text
        );
    }
    let dry = json!({"to": "exchange", "select": {}, "draft": true});
    let answer = admin.post(&format!("{PATH}?dry_run=true"), dry).await;
    assert_eq!(
        (answer.status, &answer.json()["selection"]["expected"]),
        (200, &json!(2))
    );
    assert_eq!(admin.get(PATH).await.json()["total"], 0);
    let twice = admin.with("idempotency-key", "one");
    let new = json!({"to": "exchange", "select": {}, "draft": true});
    let first = twice.post(PATH, new.clone()).await;
    let second = twice.post(PATH, new).await;
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(admin.get(PATH).await.json()["total"], 1);
}

#[actix_web::test]
async fn only_the_platform_chooses_servers_for_a_draft() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann"]).await;
    let new = json!({"to": "exchange", "mailboxes": ["ann@acme.test"], "draft": true,
        "server": "mail-1"});
    let refused = admin.post(PATH, new.clone()).await;
    assert_eq!(refused.is_problem(422).pointer(), "/server");
    let owner = app.key("platform", pilothouse::authz::Role::Owner).await;
    let made = owner.post(PATH, new).await;
    assert_eq!(made.status, 202, "{}", made.text);
}

/// What comes of a download, and whether it was cut off.
async fn downloaded(asker: &Asker<'_>, path: &str) -> (String, bool) {
    let mut answer = asker.open(path).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["transfer-encoding"], "chunked");
    let mut bytes = vec![];
    loop {
        match answer.chunk().await {
            Ok(Some(some)) => bytes.extend_from_slice(&some),
            ended => return (String::from_utf8_lossy(&bytes).into_owned(), ended.is_err()),
        }
    }
}

#[actix_web::test]
async fn a_download_that_cannot_be_read_to_its_end_is_cut_off_and_not_whole() {
    let app = spawn_app().await;
    let admin = app.acme_with(&["ann"]).await;
    let names: Vec<_> = (0..1200).map(|n| format!("n{n:04}@acme.test")).collect();
    let new = json!({"to": "exchange", "mailboxes": names, "draft": true});
    let made = admin.post(PATH, new).await;
    assert_eq!(made.status, 202, "{}", made.text);
    let path = made.header("location").to_owned();
    looked_at(&admin, &path).await;
    let page = path.replace("/api/v1/tenants/", "/t/");
    let person = app.signed_in("acme", pilothouse::authz::Role::Admin).await;
    let ways = [
        (&admin, format!("{path}/choices.csv")),
        (&person, format!("{page}/choices.csv")),
    ];
    for (asker, csv) in &ways {
        let (text, cut_off) = downloaded(asker, csv).await;
        assert_eq!((text.lines().count(), cut_off), (1201, false), "{csv}");
    }
    let back_door = app.world.database.back_door().await;
    let sql = "UPDATE conversion_choices SET closes = '{}' WHERE address = 'n0900@acme.test'";
    assert_eq!(exec(&back_door, sql).await.unwrap(), 1);
    for (asker, csv) in &ways {
        let (text, cut_off) = downloaded(asker, csv).await;
        assert!(
            cut_off,
            "{csv}: {} rows, as if that were all",
            text.lines().count()
        );
        // What could be read is there.
        assert_eq!(
            text.lines()
                .last()
                .map(|row| row.contains("n0499@acme.test")),
            Some(true)
        );
        let packed = (*asker).clone().with("accept-encoding", "gzip");
        assert!(downloaded(&packed, csv).await.1, "{csv}, compressed");
    }
}
