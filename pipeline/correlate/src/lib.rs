//! Streaming correlation of rule matches into alerts.
