//! The arithmetic of the tree, against what DESIGN says word by word.
use proptest::prelude::*;

use super::*;

/// A tenant of a small tree: its path, and the place of the one above it.
struct Node {
    path: String,
    above: Option<usize>,
}

/// Tenants, each below one that came before it.
fn tree(above: &[usize]) -> Vec<Node> {
    let mut nodes = vec![Node {
        path: "n00".to_owned(),
        above: None,
    }];
    for (at, above) in above.iter().enumerate() {
        let above = above % nodes.len();
        let path = format!("{}/n{:02}", nodes[above].path, at + 1);
        let above = Some(above);
        nodes.push(Node { path, above });
    }
    nodes
}

/// `used(T) = taken(T) + Σ over children: limit or used`.
fn used(nodes: &[Node], taken: &[u64], limits: &[Option<u64>], at: usize) -> u64 {
    let children = (0..nodes.len()).filter(|child| nodes[*child].above == Some(at));
    let of = |child: usize| limits[child].unwrap_or_else(|| used(nodes, taken, limits, child));
    taken[at] + children.map(of).sum::<u64>()
}

fn holder(nodes: &[Node], limits: &[Option<u64>], at: usize) -> Option<usize> {
    match limits[at] {
        Some(_) => Some(at),
        None => holder(nodes, limits, nodes[at].above?),
    }
}

fn ledger(nodes: &[Node], taken: &[u64], limits: &[Option<u64>]) -> Ledger {
    let mut ledger = Ledger::default();
    for (at, node) in nodes.iter().enumerate() {
        // A tenant without mailboxes has no row.
        if taken[at] > 0 {
            ledger.set_taken(node.path.clone(), taken[at]);
        }
        if let Some(limit) = limits[at] {
            ledger.set_limit(node.path.clone(), limit);
        }
    }
    ledger
}

proptest! {
    #[test]
    fn what_is_used_and_left_is_what_the_words_say(
        above in prop::collection::vec(0_usize..20, 0..12),
        taken in prop::collection::vec(0_u64..9, 13),
        limits in prop::collection::vec(prop::option::of(0_u64..30), 13),
    ) {
        let nodes = tree(&above);
        let ledger = ledger(&nodes, &taken, &limits);
        for (at, node) in nodes.iter().enumerate() {
            prop_assert_eq!(ledger.used(&node.path), used(&nodes, &taken, &limits, at));
            let holder = holder(&nodes, &limits, at);
            prop_assert_eq!(
                ledger.holder(&node.path),
                holder.map(|holder| nodes[holder].path.as_str())
            );
            let left = holder.map(|holder| {
                let limit = limits[holder].unwrap_or_default();
                limit.saturating_sub(used(&nodes, &taken, &limits, holder))
            });
            prop_assert_eq!(ledger.left(&node.path), left);
        }
    }

    /// Whoever keeps to [`Ledger::left`] and [`Ledger::most`] never brings any tenant over its limit.
    #[test]
    fn nobody_who_keeps_to_the_rules_gets_over_a_limit(
        above in prop::collection::vec(0_usize..20, 1..8),
        steps in prop::collection::vec((0_usize..9, 0_u8..4, 0_u64..12), 1..60),
    ) {
        let nodes = tree(&above);
        let (mut taken, mut limits) = (vec![0; nodes.len()], vec![None; nodes.len()]);
        for (at, what, number) in steps {
            let at = at % nodes.len();
            let before = ledger(&nodes, &taken, &limits);
            let path = nodes[at].path.as_str();
            match what {
                0 if before.left(path) != Some(0) => taken[at] += 1,
                1 => taken[at] = taken[at].saturating_sub(1),
                // Never the root.
                2 if at > 0 => {
                    let most = before.most(path).unwrap_or(u64::MAX);
                    if before.used(path) <= number && number <= most {
                        limits[at] = Some(number);
                    }
                }
                3 => limits[at] = None,
                _ => {}
            }
            let after = ledger(&nodes, &taken, &limits);
            for (at, node) in nodes.iter().enumerate() {
                if let Some(limit) = limits[at] {
                    prop_assert!(after.used(&node.path) <= limit, "{} is over", node.path);
                }
            }
        }
    }
}

#[test]
fn seats_are_promised_in_turn_and_a_mailbox_gets_one_however_often_it_is_named() {
    let needed = Needed {
        holder: TenantId::new(),
        plan: PlanId::new(),
        left: 3,
        refusal: NoSeat {
            tenant: "Acme".to_owned(),
            plan: "Exchange".to_owned(),
            limit: Some(3),
        },
    };
    let mut promised = Promised::before([((needed.holder, needed.plan), 1)]);
    let ann = MailboxId::new();
    assert!(promised.promise(&needed, ann));
    assert!(promised.promise(&needed, ann));
    assert!(promised.promise(&needed, MailboxId::new()));
    assert!(!promised.promise(&needed, MailboxId::new()));
    let other = Needed {
        plan: PlanId::new(),
        ..needed
    };
    assert!(promised.promise(&other, MailboxId::new()));
}

#[test]
fn a_limit_is_a_number_or_nothing() {
    assert_eq!(limit("limit", " 12 ").unwrap(), Some(12));
    assert_eq!(limit("limit", " ").unwrap(), None);
    for typed in ["-1", "1.5", "many", "1000000001", "99999999999999999999"] {
        assert!(limit("limit", typed).is_err(), "{typed}");
    }
}

#[test]
fn a_limit_runs_out_when_less_than_a_tenth_is_left_and_none_at_all_never_does() {
    let with = |limit, left| Seats {
        limit,
        left,
        ..Seats::default()
    };
    for (limit, left, runs_out) in [
        (Some(1), Some(0), true),
        (Some(20), Some(1), true),
        (Some(20), Some(2), false),
        (Some(0), Some(0), false),
        (None, Some(0), false),
        (None, None, false),
    ] {
        assert_eq!(with(limit, left).run_out(), runs_out, "{limit:?} {left:?}");
    }
}
