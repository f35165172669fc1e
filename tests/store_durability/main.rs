//! What the embedded store promises when things go wrong: what was acknowledged is there after any
//! start, what was not is there whole or not at all, and whatever was changed on the disk is noticed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod crash;
mod overwrite;
mod recovery;
mod registry;
