//! The underwriter's file (承保档案): all that is known of a building on a day, as known with an entry,
//! with the entries that say it and the proof that these are in the registry's tree.
//!
//! What stays true: a file follows from the entries up to its own position, the day, the format and
//! what the reader reached at that position, and from nothing else. What is written later changes no
//! byte of it. The one exception is text that is erased for ever on a court's order: the file that is
//! asked for again shows where it was.

mod check;
mod compose;
mod form;
mod gather;
mod reach;
mod reckon;

pub use check::{Checked, KnownTree, Wrong, check};
pub use compose::{Question, UnderwritingFile};
pub use form::{
    Broken, Chapter, Counts, End, EntryLine, Header, LINE_BYTES_MAX, Line, Lines, Of, OlderTree,
    Reader, Tree, Writer,
};
pub use reach::ReaderReach;
