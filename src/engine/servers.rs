//! The mail servers that the panel knows, each connected once through its adapter.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::{Context, health};
use crate::backends::{self, MailServer, ServerError};
use crate::domain::ServerId;
use crate::domain::mailserver::Entrance;
use crate::store::engine::servers::{self, Server};
use crate::store::seal::Key;

/// The connected servers, shared by every part of the engine.
#[derive(Clone, Default)]
pub struct Servers {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    connected: Mutex<HashMap<ServerId, Connected>>,
    introduced: Mutex<HashMap<ServerId, Vec<Peer>>>,
    key: Option<Key>,
}

/// A server as another one knows it: its name, and where it is reached.
pub(super) type Peer = (String, Entrance);

struct Connected {
    remote: Arc<dyn MailServer>,
    /// The description that it was connected by; `None` when it was put here by hand.
    described_at: Option<DateTime<Utc>>,
}

impl Servers {
    /// None yet; their secrets open with this key.
    #[must_use]
    pub fn sealed_with(key: Key) -> Self {
        let inner = Inner {
            key: Some(key),
            ..Inner::default()
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn connected(&self) -> MutexGuard<'_, HashMap<ServerId, Connected>> {
        self.inner
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Connected by hand, for tests.
    pub fn put(&self, id: ServerId, remote: Arc<dyn MailServer>) {
        let by_hand = Connected {
            remote,
            described_at: None,
        };
        self.connected().insert(id, by_hand);
    }

    /// The server of that id, if it is connected.
    pub fn get(&self, id: ServerId) -> Result<Arc<dyn MailServer>, ServerError> {
        let remote = self.connected().get(&id).map(|one| one.remote.clone());
        remote.ok_or_else(|| ServerError::Unreachable("is not connected yet".to_owned()))
    }

    fn introduced(&self) -> MutexGuard<'_, HashMap<ServerId, Vec<Peer>>> {
        let introduced = self.inner.introduced.lock();
        introduced.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a server was told just this of the others, by this process.
    pub(super) fn knows(&self, id: ServerId, peers: &[Peer]) -> bool {
        self.introduced().get(&id).map(Vec::as_slice) == Some(peers)
    }

    /// It was told.
    pub(super) fn told(&self, id: ServerId, peers: Vec<Peer>) {
        self.introduced().insert(id, peers);
    }

    fn is_current(&self, server: &Server) -> bool {
        let by = self.connected().get(&server.id).map(|one| one.described_at);
        by.is_some_and(|by| by.is_none_or(|at| at == server.updated_at))
    }

    fn connect(&self, server: &Server) -> Result<(), ServerError> {
        let refused = |why: String| ServerError::Refused(why);
        let no_key = || refused("this panel has no key to open its secrets with".to_owned());
        let key = self.inner.key.as_ref().ok_or_else(no_key)?;
        let secrets = server
            .unseal(key)
            .map_err(|error| refused(error.to_string()))?;
        let remote = backends::connect(&server.adapter, &server.settings, &secrets)?;
        let described = Connected {
            remote,
            described_at: Some(server.updated_at),
        };
        self.connected().insert(server.id, described);
        Ok(())
    }
}

/// Connects servers that are new or described anew. Returns all that there are.
pub async fn refresh(context: &Context) -> anyhow::Result<Vec<ServerId>> {
    let all = servers::all(&context.store).await?;
    for server in &all {
        if context.servers.is_current(server) || server.rests(context.store.clock().now()) {
            continue;
        }
        if let Err(error) = context.servers.connect(server) {
            health::set_back(context, server, &error).await?;
        }
    }
    Ok(all.into_iter().map(|server| server.id).collect())
}
