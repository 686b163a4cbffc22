//! Files of mailboxes to bring in, and the rows of them for which nothing was begun.
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, Set};

use super::super::schema::{mailbox_import_left_out as left_out, mailbox_import_list as lists};
use super::super::{StoreError, Work};
use crate::authz::{ImportMail, Includes, ViewImports};
use crate::domain::ImportListId;
use crate::domain::import::{ImportList, LeftOut};

/// Rows in one statement: SQLite and Postgres take so many values.
const CHUNK: usize = 500;

/// Keeps a file's name, and what was left out of it.
pub async fn keep<P: Includes<ImportMail>>(
    work: &Work<P>,
    name: &str,
    host: &str,
    rows: &[LeftOut],
) -> Result<ImportList, StoreError> {
    let id = ImportListId::new();
    let list = lists::ActiveModel {
        id: Set(id.0),
        name: Set(name.to_owned()),
        host: Set(host.to_owned()),
        started_by: Set(work.actor().label().to_owned()),
        created_at: Set(work.now),
        ..Default::default()
    };
    let list = work.scoped.insert::<lists::Entity, _>(list).await?;
    for some in rows.chunks(CHUNK) {
        let row = |row: &LeftOut| left_out::ActiveModel {
            list_id: Set(id.0),
            line: Set(i64::try_from(row.line).unwrap_or(i64::MAX)),
            mailbox: Set(row.mailbox.clone()),
            source_user: Set(row.user.clone()),
            why: Set(row.why.clone()),
            ..Default::default()
        };
        let rows = some.iter().map(row).collect();
        let tenant = work.scoped.reach.tenant;
        work.scoped
            .insert_many_for::<left_out::Entity, _>(tenant, rows)
            .await?;
    }
    Ok(read(list))
}

/// One within reach, with what was left out of it, by line.
pub async fn find<P: Includes<ViewImports>>(
    work: &Work<P>,
    id: ImportListId,
) -> Result<Option<(ImportList, Vec<LeftOut>)>, StoreError> {
    let list = work.scoped.find::<lists::Entity>();
    let list = list.filter(lists::Column::Id.eq(id.0));
    let Some(list) = list.one(&work.scoped.tx).await? else {
        return Ok(None);
    };
    let rows = work
        .scoped
        .find::<left_out::Entity>()
        .filter(left_out::Column::ListId.eq(id.0))
        .order_by_asc(left_out::Column::Line)
        .all(&work.scoped.tx)
        .await?;
    let rows = rows.into_iter().map(|row| LeftOut {
        line: u64::try_from(row.line).unwrap_or_default(),
        mailbox: row.mailbox,
        user: row.source_user,
        why: row.why,
    });
    Ok(Some((read(list), rows.collect())))
}

fn read(row: lists::Model) -> ImportList {
    ImportList {
        id: ImportListId(row.id),
        name: row.name,
        host: row.host,
        started_by: row.started_by,
        created_at: row.created_at,
    }
}
