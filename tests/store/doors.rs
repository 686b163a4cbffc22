//! Who gets through which door.
use pilothouse::authz::{Role, ViewMailboxes};
use pilothouse::store::{Denied, RequestFacts, TenantRef};

use crate::support::World;

#[tokio::test]
async fn to_an_outsider_a_tenant_does_not_exist() {
    let world = World::new().await;
    for (tenant, stranger) in [
        ("acme", "globex"),
        ("acme", "oz"),
        ("quayside", "acme"),
        ("platform", "quayside"),
    ] {
        let actor = world.member(stranger, Role::Owner);
        let denied = world
            .db
            .authorize::<ViewMailboxes>(actor, &TenantRef::from(tenant), RequestFacts::default())
            .await
            .unwrap_err();
        assert!(
            matches!(denied, Denied::NotFound),
            "{stranger} at {tenant}: {denied}"
        );
    }
}
