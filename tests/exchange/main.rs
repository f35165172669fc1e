//! Files to rows and rows to files: what is read, what is carried along, and what goes over the wire.

mod carried;
mod rows;
mod transfer;
