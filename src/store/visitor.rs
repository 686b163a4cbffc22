//! What a visitor who is not signed in may look up, and nothing else: a session by its token, a
//! member by address and password, a key by its secret.
use super::{StoreError, Work};
use crate::authz::Permission;

/// Writes the idempotency key of this request, if it has one, so that it lands with the change; a
/// pair of key and digest that was committed before is [`StoreError::Repeated`].
#[expect(clippy::unused_async, reason = "filled in by the next commit")]
pub(super) async fn reserve_idempotency_key<P: Permission>(
    work: &Work<P>,
) -> Result<(), StoreError> {
    let _ = work;
    Ok(())
}
