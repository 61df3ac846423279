//! Every door of the program: pages, machines, Twilio, health and live changes,
//! with the layers that all of them share.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRef;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Request, Response, StatusCode};
use axum::middleware::Next;
use axum::response::IntoResponse as _;
use engine::Engine;
use engine::members::{self, Member};
use leptos::config::LeptosOptions;
use leptos::context::{provide_context, use_context};
use leptos_axum::{LeptosRoutes as _, ResponseOptions, generate_route_list};
use tokio::sync::watch;
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};
use tracing::Instrument as _;

mod api;
mod egad;
mod error;
mod health;
mod history;
mod live;
mod own;
mod past;
mod session_store;
mod twilio;

use session_store::DbStore;

/// What every door is given.
#[derive(Clone, FromRef)]
pub struct App {
    /// The service.
    pub engine: Engine,
    /// A token that may post alerts without being in the database.
    #[from_ref(skip)]
    pub ingest_token: Option<Arc<str>>,
    /// Becomes true when the program stops.
    #[from_ref(skip)]
    pub stop: watch::Receiver<bool>,
    /// Where the pages find their script and style.
    pub leptos: LeptosOptions,
}

/// How pages find the browser's files in the site folder.
pub fn leptos_options(site_root: &Path) -> LeptosOptions {
    let hash_file =
        std::path::absolute(site_root.join("hash.txt")).unwrap_or_else(|_| site_root.join("hash.txt"));
    LeptosOptions::builder()
        .output_name("ringdown")
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        // Named by content, so that browsers may keep them for good.
        .hash_files(hash_file.exists())
        .hash_file(Arc::from(hash_file.to_string_lossy()))
        .build()
}

/// Forms are a few kilobytes.
const FORM_LIMIT: usize = 1024 * 1024;
/// A session unused for this long ends.
const SESSION_DAYS: i64 = 30;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The whole router.
pub fn router(app: App) -> Router {
    app::register();
    let public_url = &app.engine.settings().public_url;
    // Plain http is possible on this machine only, and there a Secure cookie would be lost.
    let secure = public_url.starts_with("https://");
    let sessions = SessionManagerLayer::new(DbStore(app.engine.clone()))
        .with_name("ringdown")
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_secure(secure)
        .with_expiry(Expiry::OnInactivity(Duration::days(SESSION_DAYS)));
    // `cargo leptos watch` leaves the style sheet's imports to the browser; `xtask` has put them in.
    let parts = ServeDir::new("style");
    let files = ServeDir::new(format!("{}/pkg", app.leptos.site_root));
    let files = files.precompressed_br().precompressed_gzip().fallback(parts);
    let hashed = app.leptos.hash_files;
    let with_session = pages(&app)
        .layer(RequestBodyLimitLayer::new(FORM_LIMIT))
        .merge(live::routes())
        .merge(past::routes())
        .merge(history::routes())
        .merge(own::routes())
        .layer(sessions);
    let quiet = Router::new()
        .merge(api::routes())
        .merge(egad::routes())
        .merge(twilio::routes())
        .merge(health::routes());
    Router::new()
        .merge(with_session)
        .merge(quiet)
        .nest_service("/pkg", cached(files, hashed))
        .with_state(app)
        // The outermost first, and all as one: every layer of a router's own is another box for each request, in
        // which all below it are cloned once more.
        .layer((
            SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid),
            trace(),
            PropagateRequestIdLayer::new(REQUEST_ID),
            fixed(header::X_FRAME_OPTIONS, "DENY"),
            fixed(header::REFERRER_POLICY, "same-origin"),
            fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            CompressionLayer::new(),
            axum::middleware::from_fn(to_the_end),
        ))
}

/// Whoever hangs up does not stop what they asked for in its midst: the server drops the work of a connection that is
/// gone, and a form of which the browser sent a second press would be written down and never answered, an alert whose
/// sender lost patience claimed and not sent.
async fn to_the_end(request: Request<Body>, next: Next) -> Response<Body> {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    match tokio::spawn(next.run(request).in_current_span()).await {
        Ok(answer) => answer,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    }
}

/// Who is signed in, looked up anew each time.
async fn signed_in(engine: &Engine, session: &Session) -> Option<Member> {
    let id = session.get::<String>(app::MEMBER).await.ok().flatten()?;
    members::find(engine, &id).await.ok().flatten()
}

fn pages(state: &App) -> Router<App> {
    let options = state.leptos.clone();
    let engine = state.engine.clone();
    let context = move || {
        provide_context(engine.clone());
        send_policy();
    };
    let routes = generate_route_list(app::App);
    Router::new().leptos_routes_with_context(state, routes, context, move || app::shell(options.clone()))
}

/// What a page may load and do. Inline scripts are Leptos' own and carry this
/// response's nonce.
fn send_policy() {
    let (Some(response), Some(nonce)) = (use_context::<ResponseOptions>(), leptos::nonce::use_nonce()) else {
        return;
    };
    let policy = format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(value) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, value);
    }
    // Pages show one person's data.
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

fn cached(files: ServeDir<ServeDir>, hashed: bool) -> Router {
    let keep = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    Router::new().fallback_service(files).layer(axum::middleware::map_response(
        move |answer: Response<Body>| async move {
            let found = answer.status().is_success();
            let mut answer = answer.into_response();
            if found {
                answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
            }
            answer
        },
    ))
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// One line a request, with its id; never the query, which may hold what people typed.
fn trace() -> TraceLayer<
    tower_http::classify::SharedClassifier<tower_http::classify::ServerErrorsAsFailures>,
    impl Fn(&Request<Body>) -> tracing::Span + Clone,
> {
    TraceLayer::new_for_http().make_span_with(|request: &Request<Body>| {
        let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
        tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
    })
}
