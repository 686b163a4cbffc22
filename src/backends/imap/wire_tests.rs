//! Responses cut from bytes that arrive in any portions.
use super::*;

struct Keep(Vec<Vec<u8>>);

#[async_trait]
impl Sink for Keep {
    fn takes(&self, text: &[u8]) -> bool {
        text.ends_with(b"BODY[] ")
    }
    fn begin(&mut self, _text: &[u8], _size: u64) {
        self.0.push(Vec::new());
    }
    async fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.last_mut().unwrap().extend_from_slice(bytes);
        Ok(())
    }
    fn end(&mut self) -> Vec<u8> {
        vec![7]
    }
}

/// Everything that can be read of `bytes` when they come `portion` at a time.
async fn read(bytes: &[u8], portion: usize) -> (Vec<Vec<Piece>>, Vec<Vec<u8>>, io::Error) {
    let mut mock = tokio_test_stream(bytes, portion);
    let mut reader = Reader::new(&mut mock, Duration::from_secs(5));
    let (mut all, mut keep) = (Vec::new(), Keep(Vec::new()));
    loop {
        match reader.response(&mut keep).await {
            Ok(response) => all.push(response),
            Err(fault) => return (all, keep.0, fault),
        }
    }
}

fn tokio_test_stream(bytes: &[u8], portion: usize) -> tokio::io::DuplexStream {
    let (near, mut far) = tokio::io::duplex(portion.max(1));
    let bytes = bytes.to_vec();
    tokio::spawn(async move {
        let _ = far.write_all(&bytes).await;
    });
    near
}

fn text(text: &str) -> Piece {
    Piece::Text(text.as_bytes().to_vec())
}

#[tokio::test]
async fn literals_are_cut_out_and_streamed_however_the_bytes_arrive() {
    let bytes = b"* 1 FETCH (UID 7 BODY[] {5}\r\nab\r\nc FLAGS (\\Seen))\r\n\
                  * LIST () \"/\" {3}\r\na}b\r\n\
                  * STATUS ~{1}\r\nx (MESSAGES 1)\r\nA1 OK done {5}\r\n";
    for portion in [1, 2, 3, 7, 4096] {
        let (all, streamed, fault) = read(bytes, portion).await;
        assert_eq!(streamed, [b"ab\r\nc".to_vec()], "portion {portion}");
        let fetch = [
            text("* 1 FETCH (UID 7 BODY[] "),
            Piece::Streamed(vec![7]),
            text(" FLAGS (\\Seen))"),
        ];
        assert_eq!(all[0], fetch);
        assert_eq!(
            all[1],
            [
                text("* LIST () \"/\" "),
                Piece::Literal(b"a}b".to_vec()),
                text("")
            ]
        );
        assert_eq!(all[2][1], Piece::Literal(b"x".to_vec()));
        assert_eq!(all[3], [text("A1 OK done {5}")]);
        assert_eq!(fault.kind(), io::ErrorKind::UnexpectedEof);
    }
}

#[tokio::test]
async fn a_line_or_name_without_end_is_refused() {
    let (_, _, fault) = read(&vec![b'x'; MAX_LINE + 2 * CHUNK], 4096).await;
    assert_eq!(fault.kind(), io::ErrorKind::InvalidData);
    let (_, _, fault) = read(b"* LIST () \"/\" {99999999999}\r\n", 4096).await;
    assert_eq!(fault.kind(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (near, _far) = tokio::io::duplex(16);
    let mut reader = Reader::new(near, Duration::from_millis(50));
    let fault = reader.response(&mut NoSink).await.unwrap_err();
    assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
}
