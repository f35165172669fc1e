//! Who is calling, and what may they do: credentials, roles, and one table of permissions.
//!
//! What stays true: a secret is never stored, logged or shown again; a call that the table does not
//! name is refused; the person that a calling system vouches for is an opaque key, never a name.
//! Reach names regions by id and is judged by the tree of now, elsewhere: nothing here knows a tree.

pub mod actor;
pub mod authenticate;
pub mod permission;
pub mod role;
pub mod token;
