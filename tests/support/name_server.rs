//! A name server on loopback that knows what it is told: enough of RFC 1035 for the look at a
//! domain's records.
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

const TXT: u16 = 16;

/// Answers until it is dropped.
pub struct NameServer {
    /// Where it listens.
    pub address: SocketAddr,
    texts: Arc<Mutex<HashMap<String, Vec<String>>>>,
    task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    /// One that knows nothing yet: every name is NXDOMAIN.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let texts: Arc<Mutex<HashMap<String, Vec<String>>>> = Arc::default();
        let known = texts.clone();
        let task = tokio::spawn(async move {
            let mut bytes = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut bytes).await {
                let answer = answer(&bytes[..length], &known.lock().unwrap());
                socket.send_to(&answer, client).await.unwrap();
            }
        });
        Self {
            address,
            texts,
            task,
        }
    }

    /// Publishes a TXT record.
    pub fn publish(&self, name: &str, text: &str) {
        let mut texts = self.texts.lock().unwrap();
        texts
            .entry(name.to_owned())
            .or_default()
            .push(text.to_owned());
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(question: &[u8], texts: &HashMap<String, Vec<String>>) -> Vec<u8> {
    let (name, end) = name_at(question, 12);
    let kind = u16::from_be_bytes([question[end], question[end + 1]]);
    let known = texts.get(&name);
    let found: Vec<&String> = match kind {
        TXT => known.into_iter().flatten().collect(),
        _ => vec![],
    };
    let mut reply = question[..2].to_vec();
    // A response, recursion available; NXDOMAIN when the name is not known at all.
    reply.extend([0x81, if known.is_some() { 0x80 } else { 0x83 }]);
    reply.extend(1_u16.to_be_bytes());
    reply.extend(u16::try_from(found.len()).unwrap().to_be_bytes());
    reply.extend([0, 0, 0, 0]);
    reply.extend(&question[12..end + 4]);
    for text in found {
        let length = u16::try_from(text.len()).unwrap();
        // The name of the question, TXT, IN, ten seconds.
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 10]);
        reply.extend((length + 1).to_be_bytes());
        reply.push(u8::try_from(length).unwrap());
        reply.extend(text.as_bytes());
    }
    reply
}

/// The name that begins there, and where it ends.
fn name_at(message: &[u8], start: usize) -> (String, usize) {
    let (mut labels, mut at) = (vec![], start);
    while message[at] != 0 {
        let length = usize::from(message[at]);
        let label = &message[at + 1..=at + length];
        labels.push(String::from_utf8_lossy(label).to_lowercase());
        at += length + 1;
    }
    (labels.join("."), at + 1)
}
