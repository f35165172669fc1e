//! The log line of a request. Alone in its process, since a callsite that another thread meets first
//! without a subscriber is never heard of again.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use anju::config::LogFormat;
use anju::telemetry::{Colours, Metrics, MetricsLayer, subscriber};
use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, ServiceExt};
use tracing::Span;

/// Lines written so far.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_leaves_one_line_with_its_actor_and_no_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let targets = "info".parse().unwrap();
    let subscriber = subscriber(LogFormat::Json, targets, Colours::Off, move || writer.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let service = tower::service_fn(|_: Request<()>| async {
        Span::current().record("actor.subject", "desk-1");
        let answer = Response::builder().header("grpc-status", "7").body(Body::empty());
        Ok::<_, Infallible>(answer.unwrap())
    });
    let layer = MetricsLayer::new(Metrics::new(), ["a.B/C".to_owned()]);
    let request = Request::get("/a.B/C").header("authorization", "Bearer anju_secret");
    let response = layer.layer(service).oneshot(request.body(()).unwrap()).await.unwrap();
    assert!(lines.0.lock().unwrap().is_empty());
    drop(response);

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["message"], "answered PERMISSION_DENIED");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["span"]["rpc"], "a.B/C");
    assert_eq!(line["span"]["actor.subject"], "desk-1");
    assert!(line["duration_us"].is_u64());
    assert!(!text.contains("secret"));
}
