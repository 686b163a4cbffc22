//! What is wrong with input, field by field, in sentences for the person who typed it.
use serde::Serialize;

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field as an RFC 6901 pointer into the request body, such as `/address`.
    pub pointer: String,
    /// What is wrong and what to enter instead.
    pub detail: String,
}

/// Everything wrong with one request; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Invalid {
    /// In the order in which the fields stand in the request.
    pub errors: Vec<FieldError>,
}

impl Invalid {
    /// One field, one fault. `field` is a plain name; nesting is written `mailbox/quota_bytes`.
    #[must_use]
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        let mut invalid = Self::default();
        invalid.push(field, detail);
        invalid
    }

    /// Adds a fault.
    pub fn push(&mut self, field: &str, detail: impl Into<String>) {
        self.errors.push(FieldError {
            pointer: format!("/{field}"),
            detail: detail.into(),
        });
    }

    /// Takes the value or notes what is wrong with it, so that one answer names every fault.
    pub fn take<T>(&mut self, parsed: Result<T, Self>) -> Option<T> {
        parsed
            .map_err(|other| self.errors.extend(other.errors))
            .ok()
    }

    /// The fault of one field, for a form.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        let wanted = format!("/{field}");
        self.errors
            .iter()
            .find(|e| e.pointer == wanted)
            .map(|e| e.detail.as_str())
    }

    /// Field and fault, for the summary above a form.
    #[must_use]
    pub fn by_field(&self) -> Vec<(&str, &str)> {
        self.errors
            .iter()
            .map(|e| (e.pointer.trim_start_matches('/'), e.detail.as_str()))
            .collect()
    }

    /// `Ok` when nothing was wrong.
    pub fn into_result(self) -> Result<(), Self> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(self)
        }
    }

    fn summary(&self) -> String {
        self.errors
            .iter()
            .map(|e| e.detail.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }
}
