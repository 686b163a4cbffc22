//! Cells of files that people open in a spreadsheet.

/// A cell that a spreadsheet would take for a formula gets a quote in front.
#[must_use]
pub fn guarded(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
