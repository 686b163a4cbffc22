//! One pass from a mailbox's calendars and contacts to its account on another server. It remembers
//! nothing: both sides are read by their marks, and what differs is carried. So a pass that was cut
//! off is simply done again.
use std::collections::{BTreeMap, HashSet};

use super::{Groupware, ServerError};
use crate::backends::imap::copy::Mode;
use crate::domain::groupware::{Collection, Inventory, ItemMark, Marked};

/// So many items travel together at most, and so many bytes of them (but one item always does).
const TOGETHER: (usize, u64) = (200, 4 * 1024 * 1024);

/// What a pass did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Carried {
    /// Collections made or renamed, items made or replaced.
    pub put: u64,
    /// Collections and items removed.
    pub removed: u64,
}

/// The side that did not do its part.
#[derive(Debug, Clone)]
pub enum CarryError {
    /// The one that is read.
    Source(ServerError),
    /// The one that is written.
    Target(ServerError),
}

/// Brings `target` to what `source` is: with [`Mode::Mirror`] in everything, else by what is missing
/// there, and nothing is changed or removed. What its owner removed at the target is not missing.
pub async fn carry(
    source: &dyn Groupware,
    target: &dyn Groupware,
    mode: Mode,
) -> Result<Carried, CarryError> {
    let from = source.inventory().await.map_err(CarryError::Source)?;
    let to = target.inventory().await.map_err(CarryError::Target)?;
    let there = to.by_path();
    let mut carried = Carried::default();
    for marked in &from.collections {
        let twin = there.get(marked.collection.path.as_str()).copied();
        collection(source, target, mode, (marked, twin), &mut carried).await?;
    }
    // Who never used calendars there has nothing to mirror, and may have left some here long ago.
    if mode == Mode::Mirror && !from.collections.is_empty() {
        mirror_the_rest(source, target, (&from, &to), &mut carried).await?;
    }
    Ok(carried)
}

/// Collections that are not at the source, and the preferences.
async fn mirror_the_rest(
    source: &dyn Groupware,
    target: &dyn Groupware,
    (from, to): (&Inventory, &Inventory),
    carried: &mut Carried,
) -> Result<(), CarryError> {
    let here = from.by_path();
    for marked in &to.collections {
        let path = marked.collection.path.as_str();
        if !here.contains_key(path) {
            let removed = target.remove_collection(path).await;
            removed.map_err(CarryError::Target)?;
            carried.removed += 1;
        }
    }
    let preferences = source.preferences().await.map_err(CarryError::Source)?;
    let there = target.preferences().await.map_err(CarryError::Target)?;
    if preferences != there && !preferences.is_null() {
        let put = target.put_preferences(&preferences).await;
        put.map_err(CarryError::Target)?;
    }
    Ok(())
}

async fn collection(
    source: &dyn Groupware,
    target: &dyn Groupware,
    mode: Mode,
    (from, to): (&Marked, Option<&Marked>),
    carried: &mut Carried,
) -> Result<(), CarryError> {
    let of = &from.collection;
    if to.is_none_or(|to| mode == Mode::Mirror && !looks_the_same(of, &to.collection)) {
        let put = target.put_collection(of).await;
        put.map_err(CarryError::Target)?;
        carried.put += 1;
    }
    let there = to.map(|to| to.items.as_slice()).unwrap_or_default();
    let there: BTreeMap<&str, &ItemMark> = there
        .iter()
        .map(|item| (item.name.as_str(), item))
        .collect();
    let differs = |item: &&ItemMark| match (there.get(item.name.as_str()), mode) {
        (None, Mode::Mirror) => true,
        (None, _) => !item.removed,
        (Some(twin), Mode::Mirror) => **twin != **item,
        (Some(_), _) => false,
    };
    let wanted: Vec<&ItemMark> = from.items.iter().filter(differs).collect();
    for names in pieces(&wanted) {
        let items = source.read(&of.path, &names).await;
        let items = items.map_err(CarryError::Source)?;
        let put = target.put(&of.path, &items).await;
        put.map_err(CarryError::Target)?;
        carried.put += items.len() as u64;
    }
    if mode != Mode::Mirror {
        return Ok(());
    }
    let here: HashSet<&str> = from.items.iter().map(|item| item.name.as_str()).collect();
    let gone: Vec<String> = there
        .values()
        .filter(|item| !item.removed && !here.contains(item.name.as_str()))
        .map(|item| item.name.clone())
        .collect();
    if !gone.is_empty() {
        let removed = target.remove(&of.path, &gone).await;
        removed.map_err(CarryError::Target)?;
        carried.removed += gone.len() as u64;
    }
    Ok(())
}

/// Colour and order come with the preferences.
fn looks_the_same(one: &Collection, other: &Collection) -> bool {
    one.name == other.name && one.kind == other.kind
}

/// Names of items that travel together.
fn pieces(items: &[&ItemMark]) -> Vec<Vec<String>> {
    let mut pieces: Vec<Vec<String>> = vec![];
    let mut bytes = 0;
    for item in items {
        bytes += item.size;
        match pieces.last_mut() {
            Some(piece) if piece.len() < TOGETHER.0 && bytes <= TOGETHER.1 => {
                piece.push(item.name.clone());
            }
            _ => {
                pieces.push(vec![item.name.clone()]);
                bytes = item.size;
            }
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::groupware::Component;

    #[test]
    fn many_items_travel_in_pieces_and_a_large_one_alone() {
        let item = |n: usize, size| ItemMark {
            name: n.to_string(),
            component: Component::Event,
            removed: false,
            size,
            sha256: [0; 32],
            beside: [0; 32],
        };
        let small: Vec<_> = (0..450).map(|n| item(n, 1_000)).collect();
        let small: Vec<_> = small.iter().collect();
        let sizes: Vec<_> = pieces(&small).iter().map(Vec::len).collect();
        assert_eq!(sizes, [200, 200, 50]);
        let large = [item(0, 1), item(1, 9_000_000), item(2, 1), item(3, 1)];
        let large: Vec<_> = large.iter().collect();
        let sizes: Vec<_> = pieces(&large).iter().map(Vec::len).collect();
        assert_eq!(sizes, [1, 1, 2]);
    }
}
