//! Tables for people: columns line up where Chinese and Latin text stand side by side.
//!
//! On a terminal a line sets the header off; in a pipe it is plain columns. There are no colours. Programs
//! ask for `--json` instead: the form of a table may change.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle, presets};

/// A line under the header and nothing else, so that a screen holds many rows.
const LINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// A table to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sheet {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns of numbers, which are set flush right.
    numbers: Vec<usize>,
}

impl Sheet {
    /// An empty table with these columns.
    pub fn new<T: Into<String>>(header: impl IntoIterator<Item = T>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Sets columns, counted from 0, flush right.
    pub fn numbers(mut self, columns: impl IntoIterator<Item = usize>) -> Self {
        self.numbers.extend(columns);
        self
    }

    /// Adds a row with a cell for each column.
    pub fn row<T: Into<String>>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.rows.push(cells.into_iter().map(|cell| printable(cell.into())).collect());
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, without an end of line after the last row. A table without columns' names has no
    /// header.
    pub fn render(&self, terminal: bool) -> String {
        let mut table = Table::new();
        table.load_style(if terminal { LINED } else { presets::NOTHING });
        if !self.header.is_empty() {
            table.set_header(&self.header);
        }
        table.add_rows(&self.rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for index in &self.numbers {
            if let Some(column) = table.column_mut(*index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table.trim_fmt()
    }
}

/// Text from the registry as it can be shown: control characters could move the cursor or write
/// over other lines of a terminal.
pub fn printable(text: String) -> String {
    if !text.chars().any(|letter| letter.is_control() && letter != '\n') {
        return text;
    }
    let shown =
        |letter: char| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn streets() -> Sheet {
        let mut sheet = Sheet::new(["name 名称", "buildings 楼栋", "id"]).numbers([1]);
        sheet.row(["人民路街道", "1204", "rgn_1"]);
        sheet.row(["Xiangyang 向阳", "7", "rgn_2"]);
        sheet
    }

    #[test]
    fn chinese_columns_line_up_in_a_pipe() {
        expect![[r"
            name 名称       buildings 楼栋  id
            人民路街道                1204  rgn_1
            Xiangyang 向阳               7  rgn_2"]]
        .assert_eq(&streets().render(false));
    }

    #[test]
    fn a_terminal_gets_a_line_under_the_header() {
        expect![[r"
            name 名称       buildings 楼栋  id
            ───────────────────────────────────────
            人民路街道                1204  rgn_1
            Xiangyang 向阳               7  rgn_2"]]
        .assert_eq(&streets().render(true));
    }

    #[test]
    fn text_cannot_take_over_the_terminal() {
        let mut sheet = Sheet::new(["name"]);
        sheet.row(["\u{1b}[2Jgone\rback"]);
        assert_eq!(sheet.render(false), "name\n\u{fffd}[2Jgone\u{fffd}back");
    }
}
