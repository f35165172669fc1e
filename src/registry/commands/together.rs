//! What was done together: all of a command, but of an import the rows each by itself.
//!
//! The entries of a row stand together. Its own saying comes first and bears the row; then what moves
//! or goes along, which bears none; then its end, or the merge or split in which it ended.

use crate::{
    kernel::position::{Partition, Seq},
    registry::{entry::Entry, error::Error, fact::Fact, state::State, tx::Tx},
};

/// What one entry of a command said.
pub(crate) struct Done {
    /// Its number.
    pub seq: Seq,
    /// What.
    pub fact: Fact,
    /// Whether it is the saying of a row, and not what followed from that.
    pub is_of_row: bool,
}

/// What was done with an entry: by its command, or of an import by its row.
pub(crate) fn done_with(
    tx: &mut Tx<'_, '_>,
    partition: Partition,
    place: Seq,
) -> Result<Vec<Done>, Error> {
    let first = tx.work.entry(partition, place)?.command_seq;
    let head = tx.work.head(partition)?.seq;
    let mut done = Vec::new();
    let mut is_import = false;
    for number in first..=head {
        let Entry { command_seq, body, .. } = tx.work.entry(partition, number)?;
        if command_seq != first {
            break;
        }
        let Some(body) = body else { continue };
        is_import |= matches!(body.fact, Fact::BatchRecorded { .. });
        let is_of_row = body.source_row.is_some();
        done.push(Done { seq: number, fact: body.fact, is_of_row });
    }
    Ok(if is_import { of_row(done, place) } else { done })
}

/// Of the entries of an import those of the row of one of them.
fn of_row(done: Vec<Done>, place: Seq) -> Vec<Done> {
    let mut row: Vec<Done> = Vec::new();
    let mut is_over = false;
    for one in done {
        let is_end = matches!(one.fact, Fact::Ended { .. } | Fact::Succession { .. });
        let begins = is_over || (one.is_of_row && !is_end);
        if begins && row.iter().any(|other| other.seq == place) {
            return row;
        }
        if begins {
            row.clear();
        }
        is_over = (is_end && one.is_of_row)
            || matches!(one.fact, Fact::Succession { .. } | Fact::BatchRecorded { .. });
        row.push(one);
    }
    row
}
