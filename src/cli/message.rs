//! Messages of the API by name: what lets one piece of code serve regions, compounds, buildings and
//! units, whose requests have the same shape.

use anyhow::Context as _;
use prost::Message;
use prost_reflect::{DynamicMessage, MethodDescriptor, ReflectMessage as _, Value};

use crate::{
    client::{self, POOL},
    kernel::id::Kind,
};

/// An empty message of the API by its short name.
pub fn empty(name: &str) -> anyhow::Result<DynamicMessage> {
    let descriptor = POOL
        .get_message_by_name(&format!("anju.v1.{name}"))
        .with_context(|| format!("the API has no message {name}"))?;
    Ok(DynamicMessage::new(descriptor))
}

/// A method of the API.
pub fn method(service: &str, name: &str) -> anyhow::Result<MethodDescriptor> {
    client::method(service, name).with_context(|| format!("the API has no method {service}.{name}"))
}

/// Sets a field, which must exist and be of the value's type.
pub fn put(message: &mut DynamicMessage, field: &str, value: Value) -> anyhow::Result<()> {
    message
        .try_set_field_by_name(field, value)
        .with_context(|| format!("{} has no such {field}", message.descriptor().name()))
}

/// Sets a text, unless it is not given.
pub fn put_text(
    message: &mut DynamicMessage,
    field: &str,
    text: Option<&str>,
) -> anyhow::Result<()> {
    match text {
        Some(text) => put(message, field, Value::String(text.to_owned())),
        None => Ok(()),
    }
}

/// Sets a field to a message that is known by its type.
pub fn put_typed<T: Message>(
    message: &mut DynamicMessage,
    field: &str,
    typed: &T,
) -> anyhow::Result<()> {
    let descriptor = message.descriptor().get_field_by_name(field);
    let kind = descriptor.map(|descriptor| descriptor.kind());
    let of = kind.as_ref().and_then(|kind| kind.as_message()).cloned();
    let of =
        of.with_context(|| format!("{} has no message {field}", message.descriptor().name()))?;
    let mut value = DynamicMessage::new(of);
    value.transcode_from(typed).with_context(|| format!("{field} is of another type"))?;
    put(message, field, Value::Message(value))
}

/// The message in a field, when it is there.
pub fn nested(message: &DynamicMessage, field: &str) -> Option<DynamicMessage> {
    if !message.has_field_by_name(field) {
        return None;
    }
    message.get_field_by_name(field)?.as_message().cloned()
}

/// The messages in a repeated field.
pub fn list(message: &DynamicMessage, field: &str) -> Vec<DynamicMessage> {
    let value = message.get_field_by_name(field);
    let values = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    values.iter().filter_map(|value| value.as_message().cloned()).collect()
}

/// The text in a field; empty when it is not there.
pub fn text(message: &DynamicMessage, field: &str) -> String {
    let value = message.get_field_by_name(field);
    value.as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

/// The service that serves a kind.
pub const fn service(kind: Kind) -> &'static str {
    match kind {
        Kind::Region => "RegionService",
        Kind::Compound => "CompoundService",
        Kind::Building => "BuildingService",
        Kind::Unit => "UnitService",
        Kind::Case => "CaseService",
        Kind::Body | Kind::Signer => "BodyService",
        Kind::Plan | Kind::Order => "PlanService",
        Kind::Report => "InspectionService",
        Kind::Finding => "FindingService",
        Kind::Reference => "ReferenceService",
        Kind::Policy => "PolicyService",
        Kind::Claim => "ClaimService",
        Kind::Work => "WorkService",
    }
}

/// The word that the API's names use for a kind: `Building`.
pub const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Region => "Region",
        Kind::Compound => "Compound",
        Kind::Building => "Building",
        Kind::Unit => "Unit",
        Kind::Case => "Case",
        Kind::Body => "Body",
        Kind::Signer => "Signer",
        Kind::Plan => "Plan",
        Kind::Order => "Order",
        Kind::Report => "Report",
        Kind::Finding => "Finding",
        Kind::Reference => "Reference",
        Kind::Policy => "Policy",
        Kind::Claim => "Claim",
        Kind::Work => "Work",
    }
}
