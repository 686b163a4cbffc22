//! The files a page is drawn with: one stylesheet, one script, the icons and the mark, inside the
//! binary, named by their content and compressed once. The order of the stylesheets and scripts is
//! here and nowhere else. What the files say is in `static/`; pages ask for a name and get a URL.

use std::{collections::HashMap, io::Write, sync::LazyLock};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

/// `/assets/<hash>/<name>`: the part before the hash.
pub const PREFIX: &str = "/assets";

/// Later wins, though layers settle most of it; `tokens` names the layers' order.
const STYLESHEETS: &[&str] = &[
    "tokens",
    "reset",
    "base",
    "layout",
    "components/icon",
    "components/brand",
    "components/button",
    "components/field",
    "components/checkbox",
    "components/switch",
    "components/nav",
    "components/breadcrumbs",
    "components/tabs",
    "components/badge",
    "components/kind",
    "components/card",
    "components/banner",
    "components/flash",
    "components/table",
    "components/action-bar",
    "components/pagination",
    "components/progress",
    "components/stepper",
    "components/chart",
    "components/key-values",
    "components/copy-field",
    "components/code-block",
    "components/timeline",
    "components/task-list",
    "components/why",
    "components/menu",
    "components/dialog",
    "components/empty",
    "components/receipt",
    "components/sign-in",
    "components/batch",
    "components/import",
    "components/selection",
    "components/health",
    "utilities",
];

/// Each minds its own names; the order does not matter.
const SCRIPTS: &[&str] = &["copy-field", "live", "menu", "mixed-checkbox", "print"];

/// Before everything else, so that no file has to remember it.
const LAYERS: &str = "@layer reset, base, layout, components, utilities;\n";

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

struct Asset {
    url: String,
    mime: &'static str,
    body: Vec<u8>,
    gzip: Vec<u8>,
}

impl Asset {
    fn new(name: &str, mime: &'static str, body: Vec<u8>) -> Self {
        let digest = Sha256::digest(&body);
        let first = digest.iter().take(8);
        let hash = first.fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
        let gzip = compressed(&body);
        Self {
            url: format!("{PREFIX}/{hash:016x}/{name}"),
            mime,
            body,
            gzip,
        }
    }
}

/// Writing to a `Vec` cannot fail; should it ever, an empty answer means "send it as it is".
fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder
        .write_all(body)
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
}

type Library = HashMap<&'static str, Asset>;

static LIBRARY: LazyLock<Library> = LazyLock::new(read_all);

fn read_all() -> Library {
    const CSS: &str = "text/css; charset=utf-8";
    const JS: &str = "text/javascript; charset=utf-8";
    const SVG: &str = "image/svg+xml";
    [
        ("app.css", CSS, joined(LAYERS, "css", STYLESHEETS)),
        ("app.js", JS, joined("", "js", SCRIPTS)),
        ("gallery.css", CSS, file("css/gallery.css")),
        ("icons.svg", SVG, file("icons/icons.svg")),
        ("mark.svg", SVG, file("icons/mark.svg")),
    ]
    .into_iter()
    .map(|(name, mime, body)| (name, Asset::new(name, mime, body)))
    .collect()
}

/// The folder is also the extension.
fn joined(first: &str, folder: &str, names: &[&str]) -> Vec<u8> {
    let mut all = first.as_bytes().to_vec();
    for name in names {
        all.extend_from_slice(&file(&format!("{folder}/{name}.{folder}")));
        all.push(b'\n');
    }
    all
}

/// The content of a file by its path in `static/`; empty when there is none.
pub(super) fn file(path: &str) -> Vec<u8> {
    Files::get(path)
        .map(|file| file.data.into_owned())
        .unwrap_or_default()
}

/// The address of a file by its plain name (`app.css`, `app.js`, `icons.svg`, `mark.svg`). A name
/// that does not exist leads to an address that answers 404.
#[must_use]
pub fn url(name: &str) -> &'static str {
    LIBRARY
        .get(name)
        .map_or("/assets/unknown", |asset| &asset.url)
}

/// Answers `/assets/{tail:.*}`. The content's hash is in the address, so browsers keep it for good.
///
/// A debug build reads the folder again each time and forbids keeping, so that an edit shows at the
/// next reload.
pub async fn serve(request: HttpRequest, tail: web::Path<String>) -> HttpResponse {
    if cfg!(debug_assertions) {
        let name = tail.split_once('/').map_or("", |(_hash, name)| name);
        return answer(&request, read_all().get(name), "no-cache");
    }
    answer(
        &request,
        of_address(request.path()),
        "public, max-age=31536000, immutable",
    )
}

/// The address carries the hash, so one of an earlier build finds nothing.
fn of_address(address: &str) -> Option<&'static Asset> {
    let (_, name) = address.rsplit_once('/')?;
    LIBRARY.get(name).filter(|asset| asset.url == address)
}

fn answer(request: &HttpRequest, asset: Option<&Asset>, keep: &'static str) -> HttpResponse {
    let Some(asset) = asset else {
        return HttpResponse::NotFound().finish();
    };
    let mut response = HttpResponse::Ok();
    response
        .content_type(asset.mime)
        .insert_header((header::CACHE_CONTROL, keep))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if takes_gzip(request) && !asset.gzip.is_empty() && asset.gzip.len() < asset.body.len() {
        response
            .insert_header((header::CONTENT_ENCODING, "gzip"))
            .body(asset.gzip.clone())
    } else {
        // Said aloud, or a compressing middleware would do the work again on each request.
        response
            .insert_header((header::CONTENT_ENCODING, "identity"))
            .body(asset.body.clone())
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    accepted
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, http::StatusCode, test};

    async fn get(path: &str, encoding: &str) -> (StatusCode, Option<String>, Vec<u8>) {
        let app = App::new().route("/assets/{tail:.*}", web::get().to(serve));
        let app = test::init_service(app).await;
        let request = test::TestRequest::get()
            .uri(path)
            .insert_header(("accept-encoding", encoding));
        let response = test::call_service(&app, request.to_request()).await;
        let status = response.status();
        let header = response.headers().get(header::CONTENT_ENCODING);
        let encoding = header
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        (status, encoding, test::read_body(response).await.to_vec())
    }

    #[actix_web::test]
    async fn every_name_has_an_address_that_answers_with_its_content() {
        for (name, asset) in LIBRARY.iter() {
            let (status, _, body) = get(url(name), "identity").await;
            assert_eq!(
                (status, body),
                (StatusCode::OK, asset.body.clone()),
                "{name}"
            );
            assert!(!asset.body.is_empty(), "{name} is empty");
        }
    }

    #[actix_web::test]
    async fn an_unknown_name_is_not_found() {
        for path in [
            "/assets/0000/no.css",
            "/assets/unknown",
            "/assets/0000/css/tokens.css",
            "/assets/",
        ] {
            assert_eq!(get(path, "").await.0, StatusCode::NOT_FOUND, "{path}");
        }
        assert_eq!(get(url("no.css"), "").await.0, StatusCode::NOT_FOUND);
    }

    #[::core::prelude::v1::test]
    fn an_address_of_an_earlier_build_finds_nothing() {
        assert!(of_address(url("app.css")).is_some());
        assert!(of_address("/assets/0000000000000000/app.css").is_none());
        assert!(of_address("app.css").is_none());
    }

    #[actix_web::test]
    async fn a_browser_that_takes_gzip_gets_fewer_bytes() {
        let (_, plain, whole) = get(url("app.css"), "identity").await;
        let (_, packed, small) = get(url("app.css"), "gzip, br").await;
        assert_eq!(
            (plain.as_deref(), packed.as_deref()),
            (Some("identity"), Some("gzip"))
        );
        assert!(
            small.len() * 3 < whole.len(),
            "{} of {}",
            small.len(),
            whole.len()
        );
    }

    #[::core::prelude::v1::test]
    fn no_stylesheet_or_script_is_left_out_of_its_list() {
        let listed = |folder: &str, names: &[&str]| -> Vec<String> {
            names
                .iter()
                .map(|name| format!("{folder}/{name}.{folder}"))
                .collect()
        };
        let mut expected = listed("css", STYLESHEETS);
        expected.extend(listed("js", SCRIPTS));
        expected.push("css/gallery.css".to_owned());
        expected.sort();
        let mut found: Vec<String> = Files::iter()
            .map(|path| path.to_string())
            .filter(|path| path.starts_with("css/") || path.starts_with("js/"))
            .collect();
        found.sort();
        assert_eq!(found, expected);
    }
}
