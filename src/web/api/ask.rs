//! What a REST handler is given, read in one order: the key, the permission, the query, the body.
//! So a stranger learns nothing from a fault in the request, and no handler can mix the order up.
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::body::{FromBody, NoBody};
use super::etag::Conditions;
use super::query::{FromQuery, Plain, Query};
use crate::web::error::Problem;

/// A request to the API: `D` is the door (`Cx<P>`, or `Caller` where the path names no tenant).
pub struct Ask<D, Q = Plain, B = NoBody> {
    /// The way to the data.
    pub cx: D,
    /// The query.
    pub query: Q,
    /// The body.
    pub body: B,
    /// `If-Match` and `If-None-Match`.
    pub conditions: Conditions,
}

impl<D, Q, B> FromRequest for Ask<D, Q, B>
where
    D: FromRequest<Error = Problem> + 'static,
    Q: FromQuery + 'static,
    B: FromBody + 'static,
{
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let cx = D::from_request(&request, &mut Payload::None).await?;
            let query = Query::new(request.path(), request.query_string()).finish()?;
            Ok(Self {
                cx,
                query,
                body: B::read(&request, payload).await?,
                conditions: Conditions::of(&request),
            })
        })
    }
}
