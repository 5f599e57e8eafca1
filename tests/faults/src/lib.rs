//! Kill tests: what was accepted is neither lost nor doubled.
