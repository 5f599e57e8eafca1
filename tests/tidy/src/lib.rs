//! Checks of the workspace's own rules.
