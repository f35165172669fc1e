//! What the build makes of `proto/`: wire types of the API and the journal's messages.

/// The API. Only `service`, `client` and what is above them use these types.
pub mod v1 {
    #![expect(clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
    tonic::include_proto!("anju.v1");

    /// The files' descriptors with their comments, for reflection and canonical JSON.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/anju.v1.bin"));
}

/// The journal's messages. Only `registry` uses these types.
pub mod fact {
    #![expect(clippy::pedantic, clippy::module_inception, reason = "generated code")]
    tonic::include_proto!("anju.fact.v1");

    /// The files' descriptors, so that a test holds the frozen form.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/anju.fact.v1.bin"));
}
