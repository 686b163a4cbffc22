//! Whether a server lets somebody in, and if not, what is in the way: for people who typed where
//! it is and who they are there.
use std::io;

use super::session::Session;
use super::{Fault, Login};

/// What is in the way of signing in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Shut {
    /// Nothing answers there; why.
    #[error("{0}")]
    Unreachable(String),
    /// There is no safe connection; why. The password was not sent.
    #[error("{0}")]
    Unsafe(String),
    /// The name or the password is not the right one; what the server said.
    #[error("{0}")]
    Credentials(String),
    /// It lets nobody in just now; what it said.
    #[error("{0}")]
    Busy(String),
    /// What answers is no IMAP server.
    #[error("what answers is no IMAP server")]
    NotImap,
}

/// Signs in and leaves again.
pub async fn knock(login: &Login) -> Result<(), Shut> {
    let session = Session::open(login).await.map_err(Shut::from)?;
    session.close().await;
    Ok(())
}

impl From<Fault> for Shut {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Io(fault) => Self::Unreachable(no_answer(&fault)),
            Fault::Unsafe(why) => Self::Unsafe(why),
            Fault::Bye(said) | Fault::NotLetIn(said) => Self::Busy(said),
            Fault::Malformed => Self::NotImap,
            Fault::Refused { said, .. } => match said.code.as_deref() {
                // RFC 5530 §3: they pass by themselves.
                Some("UNAVAILABLE" | "INUSE" | "SERVERBUG" | "LIMIT") => Self::Busy(said.text),
                // RFC 5530 §3: not without TLS.
                Some("PRIVACYREQUIRED") => Self::Unsafe(said.text),
                _ => Self::Credentials(said.text),
            },
        }
    }
}

fn no_answer(fault: &io::Error) -> String {
    match fault.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::TimedOut => "nothing came back in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the connection was closed at once".to_owned()
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "there is no way to it".to_owned()
        }
        _ => fault.to_string(),
    }
}
