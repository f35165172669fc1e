//! Commands decide: they read, ask the rules, and hand over facts.

use crate::registry::{
    command::Command,
    error::Error,
    tx::{Decided, Tx},
};

/// Decides a command.
pub(crate) fn decide(_tx: &mut Tx<'_, '_>, _command: Command) -> Result<Decided, Error> {
    Ok(Decided::default())
}
