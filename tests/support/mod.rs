//! What tests of the whole program share: the server as a process, a small city over gRPC, and what
//! to do when a program that a test drives is not installed.

pub(crate) mod city;
pub(crate) mod files;
pub(crate) mod load;
pub(crate) mod need;
pub(crate) mod server;
