//! The web server: what it is given, what wraps every answer, how it starts and stops.
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer, web};
use tokio_util::sync::CancellationToken;
use tracing_actix_web::TracingLogger;
use url::Url;

use super::client::Network;
use super::error::Problem;
use super::session::Cookies;
use super::{api, headers, present, routes};
use crate::store::Db;

/// Seconds that a request under way may still take when the panel is told to stop.
const FAREWELL: u64 = 5;

/// Bytes of a form: ten thousand ticked addresses fit.
const FORM_LIMIT: usize = 4 << 20;

/// Says whether what happens by itself still runs in this process.
pub type Alive = Arc<dyn Fn() -> bool + Send + Sync>;

/// How the site is reached.
#[derive(Clone)]
pub struct Options {
    /// The address people type: it decides the cookies' names, and which origin may post.
    pub public_url: Url,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Threads that answer requests, 1 or more.
    pub workers: usize,
    /// Asked by `/readyz`, if given.
    pub alive: Option<Alive>,
}

/// What every handler can ask for.
pub struct Site {
    /// How the site is reached.
    pub options: Options,
    /// Scheme, host and port of [`Options::public_url`].
    pub origin: String,
    /// How cookies are named.
    pub cookies: Cookies,
    /// The doors to the data.
    pub db: Db,
    /// Cancelled when the panel is told to stop, so that streams end.
    pub stopping: CancellationToken,
}

impl Site {
    /// Puts together what the handlers need.
    #[must_use]
    pub fn new(options: Options, db: Db, stopping: CancellationToken) -> Self {
        Self {
            origin: options.public_url.origin().ascii_serialization(),
            cookies: Cookies::for_site(&options.public_url),
            options,
            db,
            stopping,
        }
    }
}

/// Serves on `listener` until `stopping` is cancelled; requests under way are finished.
pub async fn run(
    options: Options,
    listener: TcpListener,
    db: Db,
    stopping: CancellationToken,
) -> anyhow::Result<()> {
    let server = serve(Site::new(options, db, stopping.clone()), listener)?;
    let handle = server.handle();
    let told = async {
        stopping.cancelled().await;
        handle.stop(true).await;
    };
    let (ended, ()) = tokio::join!(server, told);
    Ok(ended?)
}

/// The routes, and how what cannot be read is answered.
pub fn configure(app: &mut ServiceConfig) {
    app.app_data(web::PathConfig::default().error_handler(|_, _| Problem::no_such_path().into()))
        .app_data(
            web::FormConfig::default()
                .limit(FORM_LIMIT)
                .error_handler(|error, _| Problem::of_form(&error, FORM_LIMIT).into()),
        )
        .app_data(web::QueryConfig::default().error_handler(|_, _| Problem::no_such_path().into()))
        .configure(routes::configure);
}

fn serve(site: Site, listener: TcpListener) -> std::io::Result<Server> {
    let workers = site.options.workers.max(1);
    let site = web::Data::new(site);
    let app = move || {
        App::new()
            .app_data(site.clone())
            .configure(configure)
            .default_service(web::to(routes::nothing_here))
            .wrap(from_fn(api::gate::gate))
            .wrap(from_fn(present::present))
            .wrap(from_fn(headers::secure))
            .wrap(Compress::default())
            .wrap(TracingLogger::<headers::RequestSpan>::new())
    };
    let server = HttpServer::new(app)
        .workers(workers)
        .shutdown_timeout(FAREWELL)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}
