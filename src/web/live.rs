//! Server-sent events (WHATWG HTML §9.2): a stream that says "ask again", for pages, and the frame
//! of every other stream. Who may listen is settled when it opens.
use std::convert::Infallible;
use std::time::Duration;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::site::Site;
use crate::authz::ViewMailboxes;
use crate::store::Cx;

/// Proxies cut what is silent for longer, usually after 30 to 60 s.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Pings come no closer together than this, however fast the bell rings.
const BREATH: Duration = Duration::from_millis(500);

/// `GET /t/{tenant}/live`: a `message` each time something was changed anywhere; the page then asks
/// for itself again, so the message says nothing.
pub async fn pings(_: Cx<ViewMailboxes>, site: web::Data<Site>) -> HttpResponse {
    let ear = Ear {
        bell: site.db.listen(),
        stopping: site.stopping.clone(),
    };
    let stream = futures_util::stream::unfold(ear, |mut ear| async {
        let text = match ear.next().await {
            Heard::Ring => "data: changed\n\n",
            Heard::Silence => HEARTBEAT_COMMENT,
            Heard::Farewell => return None,
        };
        Some((Ok(Bytes::from_static(text.as_bytes())), ear))
    });
    answer(stream)
}

/// A comment: browsers ignore it, proxies see traffic.
pub const HEARTBEAT_COMMENT: &str = ": still here\n\n";

/// What an [`Ear`] heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something was changed.
    Ring,
    /// Nothing for [`HEARTBEAT`].
    Silence,
    /// The panel stops.
    Farewell,
}

/// Listens for a stream.
pub struct Ear {
    /// Rung after each commit.
    pub bell: watch::Receiver<u64>,
    /// Cancelled when the panel stops.
    pub stopping: CancellationToken,
}

impl Ear {
    /// Waits for the next thing to say.
    pub async fn next(&mut self) -> Heard {
        let heard = tokio::select! {
            () = self.stopping.cancelled() => Heard::Farewell,
            rung = self.bell.changed() => if rung.is_ok() { Heard::Ring } else { Heard::Farewell },
            () = tokio::time::sleep(HEARTBEAT) => Heard::Silence,
        };
        if heard == Heard::Ring {
            tokio::time::sleep(BREATH).await;
            self.bell.mark_unchanged();
        }
        heard
    }
}

/// A stream as an answer. `identity` keeps the compressor from holding events back.
pub fn answer(stream: impl Stream<Item = Result<Bytes, Infallible>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream)
}
