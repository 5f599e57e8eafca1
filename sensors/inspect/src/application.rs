//! Which application protocol a flow speaks, told by what is said first.

use vonggac_protocol::{Side, Start};
use vonggac_protocols::REGISTRY;

/// Bytes of a direction after which it is none of the known protocols.
pub(crate) const START_BYTES_MAX: usize = 300;

/// The place in the registry of the protocol that begins so, and the side that says it.
pub(crate) fn tell(start: &Start<'_>) -> Option<(usize, Side)> {
    let mut carried = REGISTRY
        .iter()
        .enumerate()
        .filter(|(_, card)| card.transports.contains(&start.transport));
    carried.find_map(|(place, card)| Some((place, (card.probe)(start)?)))
}
