//! An owner who is signed in.
use pilothouse::backends::memory::MemoryServer;
use pilothouse::domain::{EmailAddress, Protocol};

use crate::clients::Doors;
use crate::clients::imap::Imap;
use crate::clients::pop3::Pop3;

/// An open session.
pub enum Session {
    Memory(MemoryServer, EmailAddress),
    Imap(Imap),
    Pop3(Pop3),
}

impl Session {
    pub fn in_memory(
        server: &MemoryServer,
        address: &EmailAddress,
        protocol: Protocol,
    ) -> Result<Self, String> {
        server.sign_in(address, protocol)?;
        Ok(Self::Memory(server.clone(), address.clone()))
    }

    pub async fn real(
        doors: &Doors,
        address: &EmailAddress,
        protocol: Protocol,
        password: &str,
    ) -> Result<Self, String> {
        match protocol {
            Protocol::Imap => Imap::login(doors, address.as_str(), password)
                .await
                .map(Self::Imap),
            Protocol::Pop3 => Pop3::login(doors, address.as_str(), password)
                .await
                .map(Self::Pop3),
            other => panic!("{other:?} has no sessions to keep open"),
        }
    }

    /// Whether the server still answers in it.
    pub async fn is_alive(&mut self) -> bool {
        match self {
            Self::Memory(server, address) => !server.sessions(address).is_empty(),
            Self::Imap(imap) => imap.noop().await.is_ok(),
            Self::Pop3(pop3) => pop3.noop().await.is_ok(),
        }
    }
}
