//! The mail servers that the panel knows, each connected once through its adapter.
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::backends::{MailServer, ServerError};
use crate::domain::ServerId;

/// The connected servers, shared by every part of the engine.
#[derive(Clone, Default)]
pub struct Servers {
    connected: Arc<Mutex<HashMap<ServerId, Arc<dyn MailServer>>>>,
}

impl Servers {
    /// Connected by hand, for tests.
    pub fn put(&self, id: ServerId, server: Arc<dyn MailServer>) {
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        connected.insert(id, server);
    }

    /// The server of that id, if it is connected.
    pub fn get(&self, id: ServerId) -> Result<Arc<dyn MailServer>, ServerError> {
        let connected = self
            .connected
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        connected
            .get(&id)
            .cloned()
            .ok_or_else(|| ServerError::Unreachable("is not connected yet".to_owned()))
    }
}
