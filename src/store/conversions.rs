//! Conversion batches and items, as an admin sees them.
