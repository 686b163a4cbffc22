//! The tables: brought up on both databases, and the same on both.
use std::collections::BTreeSet;

use pilothouse::domain::Clock;

use crate::support::TestDatabase;
use crate::support::database::rows;

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
