//! Who gets through which door, and what is within reach behind it.
use pilothouse::app::domains;
use pilothouse::app::tenants::{self, NewTenant};
use pilothouse::authz::{
    Actor, CreateTenants, ManageApiKeys, ManageDomains, Permission, Role, Scope, SuspendMailboxes,
    ViewAudit, ViewDomains, ViewMailboxes, ViewTenants,
};
use pilothouse::domain::{ApiKeyId, DomainName, PageRequest, Slug, TenantKind};
use pilothouse::store::{Denied, RequestFacts, TenantRef};

use crate::support::World;

async fn asks<P: Permission>(world: &World, actor: Actor, tenant: &str) -> Result<(), Denied> {
    let facts = RequestFacts::default();
    let cx = world
        .db
        .authorize::<P>(actor, &TenantRef::from(tenant), facts)
        .await;
    cx.map(|_| ())
}

fn key(world: &World, tenant: pilothouse::domain::TenantId, scopes: &[&str]) -> Actor {
    let _ = world;
    Actor::Key {
        id: ApiKeyId::new(),
        label: "script".to_owned(),
        tenant,
        role: Role::Owner,
        scopes: scopes
            .iter()
            .map(|word| Scope::parse(word).unwrap())
            .collect(),
    }
}

#[tokio::test]
async fn to_an_outsider_a_tenant_does_not_exist() {
    let world = World::new().await;
    for (tenant, stranger) in [
        ("acme", "globex"),
        ("acme", "oz"),
        ("acme", "harbour"),
        ("quayside", "acme"),
        ("platform", "quayside"),
        ("nowhere", "platform"),
    ] {
        let actor = world.member(stranger, Role::Owner);
        let denied = asks::<ViewMailboxes>(&world, actor, tenant).await;
        let denied = denied.unwrap_err();
        assert!(
            matches!(denied, Denied::NotFound),
            "{stranger} at {tenant}: {denied}"
        );
    }
}

#[tokio::test]
async fn a_role_holds_on_its_tenant_and_all_below() {
    let world = World::new().await;
    for (from, tenant) in [("platform", "oz"), ("quayside", "acme"), ("acme", "acme")] {
        let viewer = world.member(from, Role::Viewer);
        asks::<ViewMailboxes>(&world, viewer.clone(), tenant)
            .await
            .unwrap();
        let denied = asks::<SuspendMailboxes>(&world, viewer, tenant)
            .await
            .unwrap_err();
        assert!(
            matches!(denied, Denied::Forbidden { .. }),
            "{from} at {tenant}: {denied}"
        );
        let support = world.member(from, Role::Support);
        asks::<SuspendMailboxes>(&world, support.clone(), tenant)
            .await
            .unwrap();
        let denied = asks::<ViewAudit>(&world, support, tenant)
            .await
            .unwrap_err();
        assert!(
            matches!(denied, Denied::Forbidden { .. }),
            "{from} at {tenant}: {denied}"
        );
    }
}

#[tokio::test]
async fn a_limited_key_does_no_more_than_its_scopes_say() {
    let world = World::new().await;
    let admin = world.member("quayside", Role::Admin);
    let quayside = world
        .work::<ViewTenants>(admin, "quayside")
        .await
        .tenant()
        .id;
    let reader = key(&world, quayside, &["mailboxes:read"]);
    asks::<ViewMailboxes>(&world, reader.clone(), "acme")
        .await
        .unwrap();
    for denied in [
        asks::<SuspendMailboxes>(&world, reader.clone(), "acme").await,
        asks::<ViewDomains>(&world, reader.clone(), "acme").await,
        asks::<ManageApiKeys>(&world, reader.clone(), "acme").await,
    ] {
        let denied = denied.unwrap_err();
        assert!(matches!(denied, Denied::OutOfScope { .. }), "{denied}");
    }
    let writer = key(&world, quayside, &["mailboxes:write"]);
    asks::<ViewMailboxes>(&world, writer.clone(), "acme")
        .await
        .unwrap();
    asks::<SuspendMailboxes>(&world, writer.clone(), "acme")
        .await
        .unwrap();
    let outside = asks::<ViewMailboxes>(&world, writer, "oz")
        .await
        .unwrap_err();
    assert!(matches!(outside, Denied::NotFound), "{outside}");
}

#[tokio::test]
async fn a_list_holds_the_tenant_and_all_below_and_nothing_else() {
    let world = World::new().await;
    for (tenant, domain) in [
        ("acme", "acme.test"),
        ("globex", "globex.test"),
        ("oz", "oz.test"),
    ] {
        let work = world
            .work::<ManageDomains>(world.member(tenant, Role::Admin), tenant)
            .await;
        let name = DomainName::parse("name", domain).unwrap();
        domains::create(work, name, false).await.unwrap();
    }
    for (tenant, names) in [
        ("platform", vec!["acme.test", "globex.test", "oz.test"]),
        ("quayside", vec!["acme.test", "globex.test"]),
        ("acme", vec!["acme.test"]),
    ] {
        let work = world
            .work::<ViewDomains>(world.member(tenant, Role::Viewer), tenant)
            .await;
        let page = domains::list(&work, None, &PageRequest::first())
            .await
            .unwrap();
        let found: Vec<_> = page.items.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(found, names, "of {tenant}");
    }
    let work = world
        .work::<ViewDomains>(world.member("acme", Role::Owner), "acme")
        .await;
    let foreign = DomainName::parse("name", "globex.test").unwrap();
    assert!(domains::find(&work, &foreign).await.is_err());
}

#[tokio::test]
async fn tenants_are_counted_and_paged() {
    let world = World::new().await;
    let work = world
        .work::<ViewTenants>(world.member("platform", Role::Viewer), "platform")
        .await;
    let mut request = PageRequest {
        limit: 4,
        after: None,
    };
    let first = tenants::list(&work, None, &request).await.unwrap();
    request.after.clone_from(&first.next);
    let second = tenants::list(&work, None, &request).await.unwrap();
    let slugs: Vec<_> = first
        .items
        .iter()
        .chain(&second.items)
        .map(|one| one.tenant.slug.as_str())
        .collect();
    assert_eq!(
        slugs,
        ["acme", "globex", "harbour", "oz", "platform", "quayside"]
    );
    assert_eq!((first.total, second.next), (6, None));
    let found = tenants::list(&work, Some("QUAY"), &PageRequest::first())
        .await
        .unwrap();
    assert_eq!(found.total, 1);
    let percent = tenants::list(&work, Some("%"), &PageRequest::first())
        .await
        .unwrap();
    assert_eq!(percent.total, 0, "a percent sign means itself");
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_leaves_nothing() {
    let world = World::new().await;
    let new = || NewTenant {
        kind: TenantKind::Customer,
        slug: Slug::parse("slug", "umbrella").unwrap(),
        name: "Umbrella".to_owned(),
    };
    let facts = RequestFacts {
        dry_run: true,
        ..RequestFacts::default()
    };
    let admin = || world.member("quayside", Role::Admin);
    let work = world
        .work_with::<CreateTenants>(admin(), "quayside", facts)
        .await;
    let would = tenants::create(work, new()).await.unwrap();
    assert_eq!(would.parent_slug.unwrap().as_str(), "quayside");
    let denied = asks::<ViewTenants>(&world, admin(), "umbrella")
        .await
        .unwrap_err();
    assert!(matches!(denied, Denied::NotFound), "{denied}");
    let work = world.work::<CreateTenants>(admin(), "quayside").await;
    tenants::create(work, new()).await.unwrap();
    asks::<ViewTenants>(&world, admin(), "umbrella")
        .await
        .unwrap();
    let work = world
        .work::<CreateTenants>(world.member("harbour", Role::Admin), "harbour")
        .await;
    let taken = tenants::create(work, new()).await.unwrap_err();
    assert!(taken.to_string().contains("umbrella"), "{taken}");
    let work = world
        .work::<CreateTenants>(world.member("acme", Role::Admin), "acme")
        .await;
    assert!(
        tenants::create(work, new()).await.is_err(),
        "nothing is below a customer"
    );
}
