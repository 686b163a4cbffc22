//! A mail program that sends (submission with STARTTLS), and another server that delivers.
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::{Doors, PATIENCE, install_crypto};

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Signs in at the submission port and hands in one message to `to`; `Err` has the reply.
pub async fn submit(
    doors: &Doors,
    user: &str,
    password: &str,
    to: &str,
    message: &[u8],
) -> Result<(), String> {
    install_crypto();
    let trust = TlsParameters::builder(doors.host.clone())
        .dangerous_accept_invalid_certs(true)
        .build()
        .map_err(|fault| fault.to_string())?;
    let transport = Transport::builder_dangerous(doors.host.clone())
        .port(doors.submission)
        .tls(Tls::Required(trust))
        .credentials(Credentials::new(user.to_owned(), password.to_owned()))
        .timeout(Some(PATIENCE))
        .build();
    send(&transport, user, to, message).await
}

/// Delivers one message as another mail server would; `Err` has the reply.
pub async fn deliver(doors: &Doors, from: &str, to: &str, message: &[u8]) -> Result<(), String> {
    let transport = Transport::builder_dangerous(doors.host.clone())
        .port(doors.smtp)
        .timeout(Some(PATIENCE))
        .build();
    send(&transport, from, to, message).await
}

async fn send(transport: &Transport, from: &str, to: &str, message: &[u8]) -> Result<(), String> {
    let address = |text: &str| text.parse::<Address>().map_err(|fault| fault.to_string());
    let envelope = lettre::address::Envelope::new(Some(address(from)?), vec![address(to)?])
        .map_err(|fault| fault.to_string())?;
    let sent = transport.send_raw(&envelope, message).await;
    sent.map(|_| ()).map_err(|fault| format!("{fault:?}"))
}
