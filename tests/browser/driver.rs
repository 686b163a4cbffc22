//! The chromedriver that a browser of these tests is driven by, and how it ends.
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing is waited for longer.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A chromedriver of this test alone.
pub struct Driver {
    child: Child,
    pub port: u16,
}

impl Driver {
    pub async fn start() -> Self {
        let port = free_port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver; tests/install.sh installs it");
        let driver = Self { child, port };
        wait_for_port(port).await;
        driver
    }
}

impl Drop for Driver {
    /// Asks the driver to close its browsers, which killing it would leave behind.
    fn drop(&mut self) {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let host = format!("127.0.0.1:{}", self.port);
            let _ = write!(stream, "GET /shutdown HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let _ = stream.read(&mut [0; 512]);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

/// Waits until something listens there.
pub async fn wait_for_port(port: u16) {
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < PATIENCE, "nothing listens at {port}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
