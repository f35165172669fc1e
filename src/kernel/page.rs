//! Pages of a list: how many rows, and where the next page begins.

/// What a caller asks of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows wanted, already bounded by [`crate::kernel::limit::PAGE_ROWS_MAX`].
    pub rows: usize,
    /// Where to go on: the token of the page before, decoded; empty for the first page.
    pub after: Vec<u8>,
}

/// One page of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` on the last page. A page may have fewer rows than asked
    /// for, even none, and still be followed by another.
    pub next: Option<Vec<u8>>,
}

impl<T> Page<T> {
    /// Turns each row into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { rows: self.rows.into_iter().map(f).collect(), next: self.next }
    }
}
