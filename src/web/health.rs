//! For whatever watches the panel: whether it runs, and whether it can do its work.
use actix_web::{HttpResponse, web};

use super::error::Problem;
use super::site::Site;

/// `GET /healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers, and what happens by itself runs.
pub async fn ready(site: web::Data<Site>) -> Result<HttpResponse, Problem> {
    if let Err(error) = site.db.answers().await {
        tracing::warn!(error = %error, "the database does not answer");
        return Err(Problem::unavailable("The database does not answer."));
    }
    if site.options.alive.as_ref().is_some_and(|alive| !alive()) {
        return Err(Problem::unavailable("The engine has stopped."));
    }
    Ok(HttpResponse::Ok().content_type("text/plain").body("ready"))
}
