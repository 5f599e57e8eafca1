//! The range: network namespaces, veth pairs and playing captures on them.
