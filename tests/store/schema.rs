//! The tables: brought up on both databases, and the same on both.
use std::collections::BTreeSet;
use std::time::Duration;

use pilothouse::domain::Clock;
use pilothouse::store::{self, Options};

use crate::support::TestDatabase;
use crate::support::database::{exec, rows};

#[tokio::test]
async fn opening_again_changes_nothing() {
    let database = TestDatabase::empty().await;
    let (_, engine) = database.open(&Clock::System).await;
    let before = columns(&database).await;
    let (_, again) = database.open(&Clock::System).await;
    assert_eq!(columns(&database).await, before);
    let back_door = database.back_door().await;
    assert_eq!(rows(&back_door, "SELECT id FROM tenants").await.len(), 1);
    assert_eq!(rows(&back_door, "SELECT id FROM plans").await.len(), 2);
    back_door.close().await.unwrap();
    engine.close().await.unwrap();
    again.close().await.unwrap();
}

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let database = TestDatabase::empty().await;
    let (_, engine) = database.open(&Clock::System).await;
    engine.close().await.unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/columns.txt");
    let known = std::fs::read_to_string(file).unwrap_or_default();
    let now = columns(&database)
        .await
        .into_iter()
        .collect::<Vec<_>>()
        .join("\n")
        + "\n";
    if known != now {
        std::fs::write(format!("{file}.new"), &now).unwrap();
        panic!(
            "The tables have changed, or are not the same on both databases. If it is meant:\n  \
             mv tests/snapshots/columns.txt.new tests/snapshots/columns.txt\n\n{now}"
        );
    }
}

fn options(database: &TestDatabase) -> Options {
    Options {
        url: database.url().to_owned().into(),
        connections: 6,
        clock: Clock::System,
    }
}

/// Tables and indexes by name.
async fn things(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name";
    let back_door = database.back_door().await;
    let found = rows(&back_door, sql).await;
    back_door.close().await.unwrap();
    let name = |row: &sea_orm::QueryResult| row.try_get("", "name").unwrap();
    found.iter().map(name).collect()
}

#[tokio::test]
async fn a_migration_that_fails_midway_leaves_sqlite_as_it_was_and_the_next_start_succeeds() {
    let database = TestDatabase::empty().await;
    if database.is_postgres() {
        return;
    }
    // In the way of step 16, with fifteen behind it.
    let back_door = database.back_door().await;
    exec(&back_door, "CREATE TABLE bounce_mailboxes (mine TEXT)")
        .await
        .unwrap();
    exec(&back_door, "INSERT INTO bounce_mailboxes VALUES ('kept')")
        .await
        .unwrap();
    let failed = store::open(&options(&database)).await.unwrap_err();
    assert!(failed.to_string().contains("bounce_mailboxes"), "{failed}");
    assert_eq!(things(&database).await, ["bounce_mailboxes"]);
    let kept = rows(&back_door, "SELECT mine FROM bounce_mailboxes").await;
    assert_eq!(kept.len(), 1);
    exec(&back_door, "DROP TABLE bounce_mailboxes")
        .await
        .unwrap();
    back_door.close().await.unwrap();
    comes_up_whole(&database).await;
}

#[tokio::test]
async fn a_start_that_is_cut_off_leaves_sqlite_as_it_was_and_the_next_one_succeeds() {
    let mut cut_off = 0;
    for millis in [1, 3, 6, 10, 15, 22, 30, 45, 70, 100, 150, 220] {
        let database = TestDatabase::empty().await;
        if database.is_postgres() {
            return;
        }
        let options = options(&database);
        let opening = tokio::spawn(async move { store::open(&options).await });
        tokio::time::sleep(Duration::from_millis(millis)).await;
        opening.abort();
        cut_off += usize::from(opening.await.is_err());
        let left = things(&database).await;
        assert!(
            left.is_empty() || left.len() > 60,
            "after {millis} ms: {left:?}"
        );
        comes_up_whole(&database).await;
    }
    assert!(cut_off > 2, "it was cut off only {cut_off} times");
}

async fn comes_up_whole(database: &TestDatabase) {
    let (_, engine) = database.open(&Clock::System).await;
    engine.close().await.unwrap();
    let fresh = TestDatabase::empty().await;
    let (_, engine) = fresh.open(&Clock::System).await;
    engine.close().await.unwrap();
    assert_eq!(things(database).await, things(&fresh).await);
}

/// `table.column null|needed`, sorted.
async fn columns(database: &TestDatabase) -> BTreeSet<String> {
    let sql = if database.is_postgres() {
        "SELECT table_name AS t, column_name AS c, CASE is_nullable WHEN 'YES' THEN 'null' ELSE 'needed' END AS n \
         FROM information_schema.columns WHERE table_schema = 'public'"
    } else {
        "SELECT m.name AS t, p.name AS c, CASE WHEN p.\"notnull\" = 1 THEN 'needed' ELSE 'null' END AS n \
         FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
    };
    let back_door = database.back_door().await;
    let found = rows(&back_door, sql).await;
    back_door.close().await.unwrap();
    let column = |row: &sea_orm::QueryResult| {
        let part = |name: &str| row.try_get::<String>("", name).unwrap();
        format!("{}.{} {}", part("t"), part("c"), part("n"))
    };
    let ours = |line: &String| !line.starts_with("seaql_migrations");
    found.iter().map(column).filter(ours).collect()
}
