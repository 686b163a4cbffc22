//! Seats: who gives them, what counts, and that there is never one too many.
use futures_util::future::join_all;
use pilothouse::app::mailboxes::{self, MailboxChange};
use pilothouse::app::members::{self, NewMember};
use pilothouse::app::seats::{self, PlanSeats};
use pilothouse::app::{AppError, plans, servers, users};
use pilothouse::authz::{
    CreateUsers, EditMailboxes, ManageSeats, ManageServers, PurgeMailboxes, RemoveMailboxes, Role,
    ViewPlans, ViewSeats,
};
use pilothouse::domain::{Kind, ObservedMailbox, PageRequest, User};
use pilothouse::store::{RequestFacts, TenantRef};

use crate::hosting::{Hosting, POP_IMAP, at, conflict, fault, new_user};
use crate::support::world::cheap_hash;

/// Sets a limit of Basic, by the admin of the platform.
async fn give(
    hosting: &Hosting,
    tenant: &str,
    limit: impl Into<Option<u64>>,
) -> Result<PlanSeats, AppError> {
    let admin = hosting.world.member("platform", Role::Admin);
    let work = hosting.world.work::<ManageSeats>(admin, tenant).await;
    seats::set(work, "basic", limit.into(), None).await
}

/// Limit, used, left.
async fn stands(hosting: &Hosting, tenant: &str) -> (Option<u64>, u64, Option<u64>) {
    let work = hosting.work::<ViewSeats>(tenant).await;
    let found = seats::find(&work, "basic").await.unwrap().seats;
    (found.limit, found.used, found.left)
}

async fn add(hosting: &Hosting, tenant: &str, name: &str) -> Result<User, AppError> {
    let address = format!("{name}@{tenant}.test");
    hosting
        .add_user(tenant, &address, Some(Kind::PopImap))
        .await
}

fn forbidden<T: std::fmt::Debug>(result: Result<T, AppError>) -> String {
    match result {
        Err(AppError::Forbidden(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn seats_are_given_from_above_and_by_nobody_else() {
    let hosting = Hosting::new().await;
    let owner = || hosting.work::<ManageSeats>("acme");
    let why = forbidden(seats::set(owner().await, "basic", Some(3), None).await);
    assert!(why.contains("Acme cannot give itself seats"), "{why}");
    // Admin here, and only looking above.
    let looks = NewMember {
        email: at("admin@acme.test"),
        display_name: "Admin of acme".to_owned(),
        password_hash: cheap_hash("correct horse battery"),
        role: Role::Viewer,
    };
    members::put(&hosting.world.engine, &TenantRef::from("quayside"), looks)
        .await
        .unwrap();
    let admin = hosting.world.member("acme", Role::Admin);
    let work = hosting.world.work(admin, "acme").await;
    forbidden(seats::set(work, "basic", Some(3), None).await);
    for above in ["quayside", "platform"] {
        let admin = hosting.world.member(above, Role::Admin);
        let work = hosting.world.work(admin, "acme").await;
        let set = seats::set(work, "basic", Some(3), None).await.unwrap();
        assert_eq!(set.seats.limit, Some(3));
    }
    let platform = hosting.world.member("platform", Role::Owner);
    let work = hosting.world.work(platform, "platform").await;
    let why = forbidden(seats::set(work, "basic", Some(3), None).await);
    assert!(why.contains("cannot be given one"), "{why}");
    let missing = hosting.world.member("platform", Role::Owner);
    let work = hosting.world.work(missing, "acme").await;
    let missing = seats::set(work, "nothing", Some(3), None).await;
    assert!(matches!(missing, Err(AppError::NotFound("plan"))));
}

#[tokio::test]
async fn a_limit_counts_in_full_above_whether_it_is_used_or_not() {
    let hosting = Hosting::new().await;
    give(&hosting, "quayside", 10).await.unwrap();
    give(&hosting, "acme", 6).await.unwrap();
    add(&hosting, "acme", "ann").await.unwrap();
    for name in ["bob", "cid"] {
        add(&hosting, "globex", name).await.unwrap();
    }
    assert_eq!(stands(&hosting, "quayside").await, (Some(10), 8, Some(2)));
    assert_eq!(stands(&hosting, "acme").await, (Some(6), 1, Some(5)));
    // Without a limit of its own, that of the tenant above counts.
    assert_eq!(stands(&hosting, "globex").await, (None, 2, Some(2)));
    assert_eq!(stands(&hosting, "oz").await, (None, 0, None));
    assert_eq!(stands(&hosting, "platform").await.0, None);
    let why = fault(give(&hosting, "globex", 5).await, "limit");
    assert_eq!(
        why,
        "Quayside has 2 seats of Basic left besides the 2 that Globex counts for. Enter 4 or less, \
         or ask whoever gives Quayside its seats for more."
    );
    let why = fault(give(&hosting, "globex", 1).await, "limit");
    assert!(
        why.starts_with("2 mailboxes of Basic exist at Globex. Enter 2 or more"),
        "{why}"
    );
    let why = fault(give(&hosting, "quayside", 7).await, "limit");
    assert!(why.starts_with("Quayside uses 8 of Basic"), "{why}");
    give(&hosting, "globex", 4).await.unwrap();
    assert_eq!(stands(&hosting, "quayside").await, (Some(10), 10, Some(0)));
    give(&hosting, "globex", None).await.unwrap();
    give(&hosting, "acme", None).await.unwrap();
    assert_eq!(stands(&hosting, "quayside").await, (Some(10), 3, Some(7)));
    let why = fault(give(&hosting, "globex", 1_000_000_001).await, "limit");
    assert!(why.contains("from 0 to 1000000000"), "{why}");
}

#[tokio::test]
async fn whoever_is_above_sees_its_children_and_each_plan_by_name() {
    let hosting = Hosting::new().await;
    hosting
        .plan("quayside", "small", Kind::PopImap, POP_IMAP, 1 << 30)
        .await;
    give(&hosting, "acme", 6).await.unwrap();
    let work = hosting.work::<ViewSeats>("quayside").await;
    let first = PageRequest {
        limit: 1,
        after: None,
    };
    let own = seats::list(&work).await.unwrap();
    let slugs: Vec<_> = own.iter().map(|p| p.plan.slug.as_str()).collect();
    assert_eq!(slugs, ["small", "basic", "exchange"]);
    let basic = &own[1].plan;
    let page = seats::below(&work, basic, None, &first).await.unwrap();
    assert_eq!((page.total, page.items.len()), (2, 1));
    assert_eq!(page.items[0].tenant.name, "Acme");
    assert_eq!(page.items[0].seats.limit, Some(6));
    assert_eq!(page.items[0].seats.most, None, "Quayside has no limit");
    let next = PageRequest {
        limit: 1,
        after: page.next,
    };
    let page = seats::below(&work, basic, None, &next).await.unwrap();
    assert_eq!(page.items[0].tenant.name, "Globex");
    assert_eq!(page.next, None);
    let found = seats::below(&work, basic, Some("LOB"), &first);
    let found = found.await.unwrap();
    assert_eq!(
        (found.total, found.items[0].tenant.name.as_str()),
        (1, "Globex")
    );
    let work = hosting.work::<ViewPlans>("quayside").await;
    let mut request = PageRequest {
        limit: 2,
        after: None,
    };
    let page = plans::page(&work, &request).await.unwrap();
    let names = |page: &[pilothouse::domain::Plan]| -> Vec<String> {
        page.iter().map(|plan| plan.name.clone()).collect()
    };
    assert_eq!(
        (names(&page.items), page.total),
        (vec!["Basic".into(), "Exchange".into()], 3)
    );
    request.after = page.next;
    assert_eq!(
        names(&plans::page(&work, &request).await.unwrap().items),
        ["small"]
    );
}

#[tokio::test]
async fn without_a_seat_nothing_is_made() {
    let hosting = Hosting::new().await;
    give(&hosting, "acme", 1).await.unwrap();
    add(&hosting, "acme", "ann").await.unwrap();
    let before = hosting.everything().await;
    let why = fault(add(&hosting, "acme", "bob").await, "mailbox/plan");
    assert_eq!(
        why,
        "Acme has one seat of Basic, and it is taken. Choose another plan, take a mailbox of Basic \
         away, or ask whoever gives Acme its seats for more."
    );
    fault(hosting.shared("acme", "sales@acme.test").await, "plan");
    let work = hosting.dry::<CreateUsers>("acme").await;
    fault(
        users::create(work, new_user("bob@acme.test", Some(Kind::PopImap))).await,
        "mailbox/plan",
    );
    assert_eq!(hosting.everything().await, before);
    // Another plan, or none, is another thing.
    let exchange = hosting.add_user("acme", "bob@acme.test", Some(Kind::Exchange));
    exchange.await.unwrap();
    hosting
        .add_user("acme", "cid@acme.test", None)
        .await
        .unwrap();
    // A limit above counts as well, and is not told apart.
    give(&hosting, "quayside", 1).await.unwrap();
    give(&hosting, "acme", None).await.unwrap();
    let why = fault(add(&hosting, "globex", "dan").await, "mailbox/plan");
    assert!(
        why.starts_with("No seat of Basic is left for Globex."),
        "{why}"
    );
    add(&hosting, "oz", "eve").await.unwrap();
}

#[tokio::test]
async fn what_is_only_kept_takes_no_seat_and_needs_one_to_come_back() {
    let hosting = Hosting::new().await;
    give(&hosting, "acme", 1).await.unwrap();
    add(&hosting, "acme", "ann").await.unwrap();
    hosting
        .set("ann@acme.test", "state = 'failed', refused = TRUE")
        .await;
    fault(add(&hosting, "acme", "bob").await, "mailbox/plan");
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "ann@acme.test").await.unwrap();
    assert_eq!(stands(&hosting, "acme").await, (Some(1), 0, Some(1)));
    add(&hosting, "acme", "bob").await.unwrap();
    let back = || async {
        let work = hosting.work::<RemoveMailboxes>("acme").await;
        mailboxes::bring_back(work, "ann@acme.test").await
    };
    let before = hosting.everything().await;
    let (kind, why) = conflict(back().await);
    assert_eq!(kind, "no-seat");
    assert!(why.contains("To bring ann@acme.test back"), "{why}");
    assert_eq!(hosting.everything().await, before);
    let work = hosting.work::<PurgeMailboxes>("acme").await;
    mailboxes::purge(work, "bob@acme.test").await.unwrap();
    back().await.unwrap();
    assert_eq!(stands(&hosting, "acme").await, (Some(1), 1, Some(0)));
    // It is there already: nothing is taken twice.
    back().await.unwrap();
}

#[tokio::test]
async fn a_change_of_plan_takes_a_seat_of_the_new_one() {
    let hosting = Hosting::new().await;
    hosting
        .plan("platform", "large", Kind::PopImap, POP_IMAP, 20 << 30)
        .await;
    add(&hosting, "acme", "ann").await.unwrap();
    let admin = hosting.world.member("quayside", Role::Admin);
    let work = hosting.world.work::<ManageSeats>(admin, "acme").await;
    seats::set(work, "large", Some(0), None).await.unwrap();
    let change = |plan: &'static str| async {
        let work = hosting.work::<EditMailboxes>("acme").await;
        let change = MailboxChange {
            plan: Some(plan.to_owned()),
            ..MailboxChange::default()
        };
        mailboxes::update(work, "ann@acme.test", change, None).await
    };
    let why = fault(change("large").await, "plan");
    assert!(why.starts_with("Acme has no seat of large."), "{why}");
    give(&hosting, "acme", 1).await.unwrap();
    change("basic").await.unwrap();
    let admin = hosting.world.member("quayside", Role::Admin);
    let work = hosting.world.work::<ManageSeats>(admin, "acme").await;
    seats::set(work, "large", Some(1), None).await.unwrap();
    change("large").await.unwrap();
    assert_eq!(stands(&hosting, "acme").await, (Some(1), 0, Some(1)));
}

#[tokio::test]
async fn an_account_found_on_a_server_needs_a_seat_to_be_taken_over() {
    let hosting = Hosting::new().await;
    let server = hosting.see_server("mail-1").await.id;
    let found = ObservedMailbox {
        remote_id: "their-own-id".to_owned(),
        marker: None,
        address: at("old@acme.test"),
        display_name: String::new(),
        password: None,
        open: POP_IMAP,
        receives: true,
        closed_reason: None,
        quota_bytes: 1 << 30,
    };
    let engine = &hosting.world.engine;
    pilothouse::store::engine::sweep::record_strays(engine, server, &[found])
        .await
        .unwrap();
    give(&hosting, "acme", 0).await.unwrap();
    let adopt = || async {
        let work = hosting.work::<ManageServers>("platform").await;
        servers::adopt_stray(work, "mail-1", &at("old@acme.test")).await
    };
    assert_eq!(conflict(adopt().await).0, "no-seat");
    give(&hosting, "acme", 1).await.unwrap();
    adopt().await.unwrap();
}

#[tokio::test]
async fn a_limit_is_set_by_whoever_read_it_last_and_is_in_the_log() {
    let hosting = Hosting::new().await;
    let admin = || hosting.world.member("quayside", Role::Admin);
    let version = give(&hosting, "acme", 5).await.unwrap().version();
    hosting.world.clock.advance(chrono::TimeDelta::seconds(1));
    give(&hosting, "acme", 6).await.unwrap();
    let work = hosting.world.work::<ManageSeats>(admin(), "acme").await;
    let stale = seats::set(work, "basic", Some(7), Some(&version)).await;
    assert!(matches!(stale, Err(AppError::Stale)));
    let dry = RequestFacts {
        dry_run: true,
        ..RequestFacts::default()
    };
    let work = hosting.world.work_with(admin(), "acme", dry).await;
    let would_be = seats::set(work, "basic", Some(9), None).await.unwrap();
    assert_eq!(would_be.seats.limit, Some(9));
    give(&hosting, "acme", 6).await.unwrap();
    give(&hosting, "acme", None).await.unwrap();
    let told = hosting.audit("seats.changed").await;
    let told: Vec<_> = told
        .iter()
        .map(|(before, after)| (before.replace(' ', ""), after.replace(' ', "")))
        .collect();
    let limit = |n: u64| format!("{{\"limit\":{n}}}");
    let none = String::new;
    assert_eq!(
        told,
        [(none(), limit(5)), (limit(5), limit(6)), (limit(6), none())]
    );
}

#[tokio::test]
async fn of_many_at_once_as_many_get_a_seat_as_there_are() {
    let hosting = Hosting::new().await;
    give(&hosting, "quayside", 3).await.unwrap();
    let all = (0..8).map(|n| {
        let tenant = ["acme", "globex"][n % 2];
        let hosting = &hosting;
        async move { add(hosting, tenant, &format!("user{n}")).await }
    });
    let mut made = 0;
    for one in join_all(all).await {
        match one {
            Ok(_) => made += 1,
            refused => {
                fault(refused, "mailbox/plan");
            }
        }
    }
    assert_eq!(made, 3);
    assert_eq!(stands(&hosting, "quayside").await, (Some(3), 3, Some(0)));
}

#[tokio::test]
async fn a_first_limit_and_new_mailboxes_at_once_never_make_one_too_many() {
    let hosting = Hosting::new().await;
    for round in 0..5 {
        let name = |n: usize| format!("user{round}x{n}");
        let limit = stands(&hosting, "acme").await.1 + 1;
        let adding = (0..4).map(|n| {
            let (hosting, name) = (&hosting, name(n));
            async move { add(hosting, "acme", &name).await.is_ok() }
        });
        let (_, set) = futures_util::join!(join_all(adding), give(&hosting, "acme", limit));
        let (now, used, _) = stands(&hosting, "acme").await;
        assert_eq!(now.is_some(), set.is_ok());
        assert!(now.is_none_or(|limit| used <= limit), "{used} of {now:?}");
        if now.is_some() {
            give(&hosting, "acme", None).await.unwrap();
        }
    }
}

#[tokio::test]
async fn bringing_back_and_making_at_once_share_the_last_seat() {
    let hosting = Hosting::new().await;
    give(&hosting, "acme", 1).await.unwrap();
    add(&hosting, "acme", "ann").await.unwrap();
    let work = hosting.work::<RemoveMailboxes>("acme").await;
    mailboxes::retain(work, "ann@acme.test").await.unwrap();
    let back = async {
        let work = hosting.work::<RemoveMailboxes>("acme").await;
        mailboxes::bring_back(work, "ann@acme.test").await.is_ok()
    };
    let made = async { add(&hosting, "acme", "bob").await.is_ok() };
    let (back, made) = futures_util::join!(back, made);
    assert!(back != made, "{back} {made}");
    assert_eq!(stands(&hosting, "acme").await, (Some(1), 1, Some(0)));
}

#[tokio::test]
async fn limits_that_run_out_are_found_worst_first_and_those_beside_are_not() {
    let hosting = Hosting::new().await;
    for (tenant, limit) in [("acme", 30), ("globex", 2), ("oz", 1)] {
        give(&hosting, tenant, limit).await.unwrap();
    }
    for (tenant, name) in [("globex", "ann"), ("globex", "bob"), ("oz", "ann")] {
        add(&hosting, tenant, name).await.unwrap();
    }
    let names = async |tenant: &str| {
        let work = hosting.work::<ViewSeats>(tenant).await;
        let (low, total) = seats::run_out(&work).await.unwrap();
        let name = |one: &seats::RunOut| format!("{} {}", one.tenant.name, one.plan_name);
        (low.iter().map(name).collect::<Vec<_>>(), total)
    };
    assert_eq!(names("acme").await, (vec![], 0));
    assert_eq!(names("quayside").await, (vec!["Globex Basic".into()], 1));
    let all = vec!["Oz Basic".into(), "Globex Basic".into()];
    assert_eq!(names("platform").await, (all, 2));
    give(&hosting, "quayside", 34).await.unwrap();
    let worst = vec![
        "Oz Basic".into(),
        "Globex Basic".into(),
        "Quayside Basic".into(),
    ];
    assert_eq!(names("platform").await, (worst, 3), "2 of 34 are left");
}
