//! What a visitor who is not signed in may look up, and nothing else: a session by its token, a
//! member by address and password, a key by its secret.
pub mod sessions;
