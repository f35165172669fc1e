//! The API as its callers see it: a real registry on a store in memory, behind real gRPC on this
//! machine.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod actors;
mod cases;
mod checkups;
mod claims;
mod derived;
mod ended;
mod figures;
mod guard;
mod harness;
mod imports;
mod insurance;
mod misread;
mod misread_papers;
mod papers;
mod parts;
mod plans;
mod policies;
mod policies_imported;
mod products;
mod reads;
mod refused;
mod round_trip;
mod stopping;
mod tls;
mod underwriting;
mod watching;
mod whole;
mod works;
mod writes;
