//! Connections: plain, TLS from the first byte, or upgraded by STARTTLS (RFC 9051 §6.2.1).
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Fault, Login};

/// How long connecting and shaking hands may take, each.
const PATIENCE: Duration = Duration::from_secs(20);

/// The side that reads.
pub type From = Box<dyn AsyncRead + Unpin + Send>;
/// The side that writes.
pub type To = Box<dyn AsyncWrite + Unpin + Send>;

/// Whose certificates are good.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Authorities beyond those that the machine trusts, in DER. A server that shows one of these
    /// very certificates is trusted, too: one that signed itself has no other authority.
    pub also: Vec<Vec<u8>>,
}

impl Trust {
    /// The authorities of a PEM file, beyond those that the machine trusts.
    pub fn with_pem(pem: &[u8]) -> Result<Self, io::Error> {
        use rustls::pki_types::pem::PemObject as _;
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let read = read.map_err(|fault| io::Error::other(format!("{fault:?}")))?;
        let also: Vec<_> = read.iter().map(|one| one.as_ref().to_vec()).collect();
        if also.is_empty() {
            return Err(io::Error::other("there is no certificate in it"));
        }
        Ok(Self { also })
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, Fault> {
        let mut roots = machine_roots().clone();
        for der in &self.also {
            let added = roots.add(CertificateDer::from_slice(der));
            added.map_err(|fault| Fault::Unsafe(format!("a trusted certificate: {fault}")))?;
        }
        let usual = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.clone());
        let usual = usual.build();
        let usual = usual.map_err(|fault| Fault::Unsafe(format!("no authority: {fault}")))?;
        let known = self.also.clone();
        Ok(Arc::new(Verifier { usual, known }))
    }
}

/// The usual checks (RFC 5280, RFC 6125), but for certificates that are known themselves.
#[derive(Debug)]
struct Verifier {
    usual: Arc<WebPkiServerVerifier>,
    known: Vec<Vec<u8>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.known.iter().any(|known| known == shown.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        self.usual
            .verify_server_cert(shown, between, name, stapled, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls12_signature(message, shown, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.usual.verify_tls13_signature(message, shown, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

/// What the machine trusts, read once.
fn machine_roots() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}

/// A TCP connection.
pub async fn tcp(login: &Login) -> Result<TcpStream, Fault> {
    let stream = match login.at {
        Some(at) => in_time(TcpStream::connect(at)).await?,
        None => in_time(TcpStream::connect(&login.place)).await?,
    };
    stream.set_nodelay(true)?;
    // Whoever gives a conversation up, or is killed in it, has said nothing more: otherwise the kernel
    // would go on bringing the rest of an APPEND, through a network that comes back after minutes, to a
    // folder that the next conversation has looked at meanwhile, and the message would be there twice.
    stream.set_zero_linger()?;
    Ok(stream)
}

/// The two sides of a connection that stays as it is.
pub fn plain(stream: TcpStream) -> (From, To) {
    let (from, to) = stream.into_split();
    (Box::new(from), Box::new(to))
}

/// The two sides of a connection after the handshake.
pub async fn tls(stream: TcpStream, login: &Login) -> Result<(From, To), Fault> {
    let host = login.place.rsplit_once(':').map_or("", |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned());
    let name = name.map_err(|_| Fault::Unsafe(format!("“{host}” cannot have a certificate")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = login.trust.verifier(&provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|fault| Fault::Unsafe(fault.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let stream = in_time(connector.connect(name, stream)).await;
    let stream = stream.map_err(|fault| match fault {
        Fault::Io(fault) => match fault.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => Fault::Unsafe(no_handshake(error)),
            None => Fault::Io(fault),
        },
        fault => fault,
    })?;
    let (from, to) = tokio::io::split(stream);
    Ok((Box::new(from), Box::new(to)))
}

/// Why there was no handshake, for people.
fn no_handshake(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(fault) = error else {
        return match error {
            rustls::Error::InvalidMessage(_) => "it does not speak TLS at this port".to_owned(),
            other => other.to_string(),
        };
    };
    match fault {
        CertificateError::NotValidForNameContext {
            expected,
            presented,
        } => {
            let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
            let names = names.join(", ");
            format!(
                "its certificate is for {names}, not for {}",
                expected.to_str()
            )
        }
        CertificateError::UnknownIssuer => {
            "its certificate was signed by an authority that is not trusted here".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has run out".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate does not hold yet".to_owned()
        }
        // What most servers show that made theirs themselves.
        other if other.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate was signed by the server itself, and is not trusted here".to_owned()
        }
        other => format!("its certificate is not good: {other}"),
    }
}

/// The name in `DnsName("imap.example.org")` or `IpAddress(127.0.0.1)`.
fn bare(presented: &str) -> &str {
    let inner = presented
        .split_once('(')
        .map_or(presented, |(_, rest)| rest);
    inner.trim_end_matches(')').trim_matches('"')
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> Result<T, Fault> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    Ok(done.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_was_not_brought_when_a_conversation_ends_is_never_brought() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap().to_string();
        let login = Login::on_loopback(place, "ann".to_owned(), "secret".to_owned().into());
        let stream = tcp(&login).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let mut said = 0;
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_millis(100), stream.writable()).await
        {
            said += stream.try_write(&[b'x'; 16_384]).unwrap_or(0);
        }
        drop(stream);
        let mut heard = Vec::new();
        let end = server.read_to_end(&mut heard).await;
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        assert!(heard.len() < said, "{} of {said}", heard.len());
    }

    #[test]
    fn a_certificate_for_another_name_is_told_with_both_names() {
        let fault = CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("imap.example.org").unwrap(),
            presented: vec![
                "DnsName(\"mail.example.net\")".to_owned(),
                "IpAddress(127.0.0.1)".to_owned(),
            ],
        };
        assert_eq!(
            no_handshake(&rustls::Error::InvalidCertificate(fault)),
            "its certificate is for mail.example.net, 127.0.0.1, not for imap.example.org"
        );
    }
}
