//! A gate before the admin interfaces of a real stack: shut, they cannot be reached, as when the
//! machine is off; its clients are not disturbed, so that tests can share the stack.
use std::sync::Arc;

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Open at first.
pub struct Gate {
    open: Arc<watch::Sender<bool>>,
}

impl Gate {
    pub fn new() -> Self {
        Self {
            open: Arc::new(watch::Sender::new(true)),
        }
    }

    /// Cuts every connection, and refuses new ones.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Replaces `127.0.0.1:port` in these settings by a port of the gate.
    pub async fn put_before(&self, settings: &mut Value, names: &[&str]) {
        for name in names {
            let old = settings[*name].as_str().unwrap().to_owned();
            let (before, rest) = old.split_once("127.0.0.1:").unwrap();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (port, after) = rest.split_at(digits);
            let ours = self.before(port.parse().unwrap()).await;
            settings[*name] = format!("{before}127.0.0.1:{ours}{after}").into();
        }
    }

    async fn before(&self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = listener.local_addr().unwrap().port();
        let open = self.open.subscribe();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_through(client, port, open.clone()));
            }
        });
        ours
    }
}

async fn pass_through(mut client: TcpStream, port: u16, mut open: watch::Receiver<bool>) {
    if !*open.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
