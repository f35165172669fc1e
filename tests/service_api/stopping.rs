//! The server's beginning and end.

use anju::{
    proto::v1::{self, watch_response::Event},
    server::{self, Ended},
};

use crate::harness::{City, told};

#[tokio::test]
async fn a_signal_ends_streams_finishes_requests_and_closes_the_registry() {
    let city = City::start().await;
    let request = city.asking("operator", v1::WatchRequest::default());
    let mut stream = city.watches().watch(request).await.unwrap().into_inner();
    // The watch is under way.
    assert!(matches!(stream.message().await.unwrap().unwrap().event, Some(Event::Entry(_))));
    assert!(city.metrics.is_serving());
    city.signals.send(()).await.unwrap();
    let refusal = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without a word"),
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(told(&refusal), "Unavailable STOPPING");
    drop(stream);
    let City { server, channel, registry, metrics, .. } = city;
    drop(channel);
    assert_eq!(server.await.unwrap().unwrap(), Ended::Finished);
    assert!(!metrics.is_serving());
    let refused = registry.execute(
        anju::registry::Call {
            partition: anju::kernel::position::Partition::ROOT,
            author: anju::domain::author::Author::default(),
            request: None,
            reason: String::new(),
            validate_only: true,
            overrides: vec![],
            seed: [0; 32],
        },
        anju::registry::Command::RegisterAll { items: vec![], per_item: false },
    );
    assert!(matches!(refused, Err(anju::registry::Error::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn health_and_reflection_need_no_credential() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let city = City::start().await;
    let mut client = HealthClient::new(city.channel.clone());
    for service in ["", "anju.v1.BuildingService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = client.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status, 1, "{service}");
    }
    let message = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(
            tonic_reflection::pb::v1::server_reflection_request::MessageRequest::ListServices(
                String::new(),
            ),
        ),
    };
    let mut client =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(
            city.channel.clone(),
        );
    let stream = tokio_stream::once(message);
    let mut answers = client.server_reflection_info(stream).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let text = format!("{answer:?}");
    assert!(text.contains("anju.v1.TotalsService"), "{text}");
}

#[test]
fn every_call_has_a_row_in_the_permission_table() {
    server::check_permissions().unwrap();
    assert!(server::rpcs().unwrap().contains(&"anju.v1.WatchService/Watch".to_owned()));
}
