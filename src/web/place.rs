//! One path of the route table with everything it answers. What it does not answer is a 405 that
//! names what it does (RFC 9110 §15.5.6), which actix leaves out.
use actix_web::dev::{AppService, HttpServiceFactory};
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::{FromRequest, Handler, Resource, Responder, Route, web};

use super::error::Problem;

/// A path under construction; hand it to `ServiceConfig::service`.
pub struct Place {
    resource: Resource,
    allowed: Vec<Method>,
}

/// Begins the entry of a path.
#[must_use]
pub fn at(path: &str) -> Place {
    Place {
        resource: web::resource(path),
        allowed: Vec::new(),
    }
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name<F, Args>(self, handler: F) -> Self
        where
            F: Handler<Args>,
            Args: FromRequest + 'static,
            F::Output: Responder + 'static,
        {
            self.route(&[Method::$method], Route::new().method(Method::$method).to(handler))
        }
    )*};
}

impl Place {
    /// Answers GET, and HEAD with the same headers.
    #[must_use]
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args> + Clone,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let head = Route::new().method(Method::HEAD).to(handler.clone());
        self.route(&[Method::GET], Route::new().method(Method::GET).to(handler))
            .route(&[Method::HEAD], head)
    }

    verbs! {
        /// Answers POST.
        post POST;
        /// Answers PUT.
        put PUT;
        /// Answers PATCH.
        patch PATCH;
        /// Answers DELETE.
        delete DELETE;
    }

    /// Answers DELETE only when `guard` holds; for a query that needs another permission.
    #[must_use]
    pub fn delete_if<F, Args>(self, guard: impl Guard + 'static, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let guard = guard::All(guard::Method(Method::DELETE)).and(guard);
        self.route(&[], Route::new().guard(guard).to(handler))
    }

    fn route(mut self, methods: &[Method], route: Route) -> Self {
        self.resource = self.resource.route(route);
        self.allowed.extend_from_slice(methods);
        self
    }
}

impl HttpServiceFactory for Place {
    fn register(self, config: &mut AppService) {
        let allowed: Vec<_> = self.allowed.iter().map(Method::as_str).collect();
        let allowed = allowed.join(", ");
        self.resource
            .default_service(web::to(move || {
                let problem = Problem::method_not_allowed(&allowed);
                async move { Err::<&str, _>(problem) }
            }))
            .register(config);
    }
}
