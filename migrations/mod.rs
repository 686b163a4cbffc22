//! One step a file, built with sea-query so that one text serves SQLite and Postgres. Steps that
//! have landed are never edited: add the next one.
mod m0001_tenants;
mod m0002_mail;
mod m0003_conversions;
mod m0004_due;
mod m0005_overview;
mod m0006_copies;
mod m0007_moves;
mod m0008_selections;
mod m0009_messages;
mod m0010_imports;
mod m0011_import_lists;
mod m0012_counts;
mod m0013_targets;
mod m0014_holdings;
mod m0015_many;
mod m0016_bounces;
mod m0017_pages;
mod m0018_counted;
mod m0019_rows;
mod m0020_seats;

use sea_orm_migration::prelude::*;

/// Every step, oldest first.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_tenants::Migration),
            Box::new(m0002_mail::Migration),
            Box::new(m0003_conversions::Migration),
            Box::new(m0004_due::Migration),
            Box::new(m0005_overview::Migration),
            Box::new(m0006_copies::Migration),
            Box::new(m0007_moves::Migration),
            Box::new(m0008_selections::Migration),
            Box::new(m0009_messages::Migration),
            Box::new(m0010_imports::Migration),
            Box::new(m0011_import_lists::Migration),
            Box::new(m0012_counts::Migration),
            Box::new(m0013_targets::Migration),
            Box::new(m0014_holdings::Migration),
            Box::new(m0015_many::Migration),
            Box::new(m0016_bounces::Migration),
            Box::new(m0017_pages::Migration),
            Box::new(m0018_counted::Migration),
            Box::new(m0019_rows::Migration),
            Box::new(m0020_seats::Migration),
        ]
    }
}

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index
        .name(format!("{table}_{}", columns.join("_")))
        .table(table);
    for column in columns {
        index.col(*column);
    }
    index
}

/// Deletes are refused while something points at the row: removing is said, never a side effect.
fn foreign(
    table: &'static str,
    columns: &[&'static str],
    other: &'static str,
    keys: &[&'static str],
) -> ForeignKeyCreateStatement {
    let mut key = ForeignKey::create();
    key.name(format!("{table}_{}_fk", columns.join("_")));
    for column in columns {
        key.from(table, *column);
    }
    for column in keys {
        key.to(other, *column);
    }
    key
}
