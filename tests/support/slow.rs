//! A database whose answers come late, so that whoever waits for one can be cut off meanwhile.
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Each answer comes this much later.
pub const LATE: Duration = Duration::from_millis(20);

/// Another address of the Postgres at this one, whose answers come late.
pub async fn before(server: &str) -> String {
    let (before, rest) = server.split_once('@').unwrap();
    let (place, name) = rest.split_once('/').unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let place = place.to_owned();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let behind = TcpStream::connect(&place).await.unwrap();
            let ((mut from, mut to), (mut back, mut on)) =
                (client.into_split(), behind.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from, &mut on).await });
            tokio::spawn(async move {
                let mut bytes = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = back.read(&mut bytes).await {
                    tokio::time::sleep(LATE).await;
                    if to.write_all(&bytes[..read]).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    format!("{before}@{here}/{name}")
}
