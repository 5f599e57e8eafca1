//! Messages that could not be read: put aside with the reason, replayable.

use vonggac_bus::{Delivery, Message, Producer};
use vonggac_event::topic;

/// A message and why it could not be read.
pub(crate) type Dead = (Message, String);

/// Sends messages to `dead-letter`: original key and bytes, the reason and the place as headers. A repeat sends them again, which does
/// no harm there.
pub(crate) async fn send(producer: &Producer, dead: &[Dead]) -> anyhow::Result<Vec<Delivery>> {
    let mut deliveries = Vec::with_capacity(dead.len());
    for (message, reason) in dead {
        let place = format!("{}/{}/{}", message.topic, message.partition, message.offset);
        let headers = [("reason", reason.as_str()), ("from", place.as_str())];
        deliveries.push(
            producer
                .send_with(topic::DEAD_LETTER, &message.key, &message.payload, &headers)
                .await?,
        );
    }
    Ok(deliveries)
}
