//! Keyset paging: a page begins after the last row of the one before, whatever was added since.

/// How many rows and after which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to [`PageRequest::MAX`].
    pub limit: u32,
    /// The sort key of the last row seen: what [`Page::next`] said.
    pub after: Option<Vec<String>>,
}

impl PageRequest {
    /// Rows when nothing was asked for.
    pub const DEFAULT: u32 = 50;
    /// The most one page may hold.
    pub const MAX: u32 = 200;

    /// The first page of the default size.
    #[must_use]
    pub fn first() -> Self {
        Self {
            limit: Self::DEFAULT,
            after: None,
        }
    }
}

/// Some rows, how to go on, and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// At most `limit` rows, in order.
    pub items: Vec<T>,
    /// The sort key to continue after; `None` on the last page.
    pub next: Option<Vec<String>>,
    /// All rows that match, on every page together.
    pub total: u64,
}

impl<T> Page<T> {
    /// Cuts `rows`, read with `limit + 1`, to one page; `key` names the sort key of a row.
    pub fn cut(
        mut rows: Vec<T>,
        request: &PageRequest,
        total: u64,
        key: impl Fn(&T) -> Vec<String>,
    ) -> Self {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(key) } else { None };
        Self {
            items: rows,
            next,
            total,
        }
    }

    /// The same page of something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(each).collect(),
            next: self.next,
            total: self.total,
        }
    }
}
