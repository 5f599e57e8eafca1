//! Opening a partition: the fence, the place, whether the log is still the one it was written for, and the state up to the place.
//!
//! What may be found, and what follows:
//!
//! | the log | reported | goes on at |
//! |---|---|---|
//! | holds the message before the place | | the place |
//! | begins behind the place: messages are gone that nobody has read | ERROR, `pipeline_messages_lost_total` | its first message |
//! | ends before the place, or holds another message there: it was cut back, or made anew | ERROR, `pipeline_log_went_back_total` | where the saved state ends if that is known again, else its first message |
//!
//! After the last, messages up to the old place may have been done before: their rows are looked for in ClickHouse before they are written.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use vonggac_bus::{
    BusError, Committed, GroupPlaces, Message, PartitionReader, ReadError, TopicPartition,
    TransactionalProducer, Watermarks,
};
use vonggac_store::Checkpoint;

use crate::GROUP;
use crate::halt::{Halt, Server, Waiting};
use crate::lane::{Lane, Work, halt_of};
use crate::place::{Mark, Place, Planned};
use crate::refusals::Refusals;

/// How long a message that must be there may take to come before the broker is asked again.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a message that must be there is waited for while the broker answers. Then another stands in its place: a transaction's end,
/// which readers do not see.
const PATIENCE_TIMES: u32 = 3;
/// Messages replayed at once.
const REPLAYED_AT_ONCE: usize = 4096;

/// A partition, ready to be worked on.
pub(crate) struct Opened {
    pub(crate) producer: TransactionalProducer,
    pub(crate) reader: PartitionReader,
    pub(crate) place: Place,
    pub(crate) checkpoint: Checkpoint,
    /// Messages that were read on the way and are not done.
    pub(crate) ahead: VecDeque<Message>,
    /// Whether the saved state is that of the place.
    pub(crate) is_saved: bool,
    /// Messages before this offset may have been done before.
    pub(crate) repeats_until: i64,
    /// What was refused of the batch under way, where that is written down.
    pub(crate) refusals: Option<Refusals>,
}

/// Opens the lane's partition and brings its state up to the place.
pub(crate) async fn open<W: Work>(lane: &mut Lane<W>) -> Result<Opened, Halt> {
    let producer = fence(lane).await?;
    let shared = lane.shared.clone();
    let partition = lane.partition.clone();
    let committed = told(lane, "the place in Kafka", GroupPlaces::committed).await?;
    let saved = lane
        .stop
        .until_ok(
            Waiting::new(&shared.metrics, Server::ClickHouse, "the saved state"),
            || {
                shared
                    .store
                    .load_checkpoint(&partition.topic, partition.partition)
            },
        )
        .await?;
    let marks = told(lane, "the partition's ends", GroupPlaces::watermarks).await?;
    let start = Start::of(committed.as_ref(), saved.as_ref(), marks);
    let refusals = start.refusals(committed.as_ref());
    let checkpoint = saved.unwrap_or_else(|| Checkpoint {
        topic: partition.topic.clone(),
        partition: partition.partition,
        ..Checkpoint::default()
    });
    let mut opening = Opening {
        lane,
        producer,
        checkpoint,
        marks,
        start,
        refusals,
    };
    let opened = match opening.distrust() {
        Some(reason) => opening.start_over(reason).await?,
        None => opening.go_on().await?,
    };
    tracing::info!(
        partition = %partition,
        next_offset = opened.place.next_offset,
        state_from = opened.checkpoint.next_offset,
        planned_end = opened.place.planned.map(|planned| planned.end),
        "lane is ready"
    );
    Ok(opened)
}

/// What Kafka says of the partition.
async fn told<W: Work, T>(
    lane: &Lane<W>,
    what: &'static str,
    ask: impl Fn(&GroupPlaces, &TopicPartition) -> Result<T, BusError>,
) -> Result<T, Halt> {
    let shared = &lane.shared;
    let waiting = Waiting::new(&shared.metrics, Server::Kafka, what);
    lane.stop
        .until_ok(waiting, || async {
            tokio::task::block_in_place(|| ask(&shared.places, &lane.partition))
        })
        .await
}

/// Makes the lane the partition's only writer, and ends what was begun before it.
///
/// The fence ends the open transaction that the id's coordinator knows. One that it has forgotten would keep the place from being told, or be
/// committed with this lane's next.
async fn fence<W: Work>(lane: &Lane<W>) -> Result<TransactionalProducer, Halt> {
    let shared = &lane.shared;
    let id = format!("{GROUP}-{}-{}", lane.partition.topic, lane.partition.partition);
    let producer =
        TransactionalProducer::new(&shared.kafka, &id).map_err(|error| Halt::Failed(error.into()))?;
    lane.transact("Kafka's fence", || producer.fence()).await?;
    lane.transact("the end of earlier transactions", || {
        let gives_up = || lane.stop.is_set();
        producer.abort_forgotten(W::WRITES, &shared.places, &lane.partition, &gives_up)
    })
    .await?;
    Ok(producer)
}

/// Whether the message before `place` still stands there. It is looked for by a reader of its own, so that the lane's is not disturbed.
pub(crate) async fn is_known<W: Work>(lane: &Lane<W>, place: Place, marks: Watermarks) -> Result<bool, Halt> {
    let Some(mark) = place.mark.filter(|_| place.next_offset > marks.low) else {
        // What stood there is deleted, so there is nothing to be mistaken about: what comes is new.
        return Ok(true);
    };
    let at = place.next_offset - 1;
    let reader = reader_at(lane, at)?;
    Ok(match first(lane, &reader).await? {
        First::Message(message) => message.offset == at && Mark::of(&message) == mark,
        First::Nothing => false,
    })
}

fn reader_at<W: Work>(lane: &Lane<W>, offset: i64) -> Result<PartitionReader, Halt> {
    PartitionReader::open(&lane.shared.kafka, &lane.partition, offset)
        .map_err(|error| Halt::Failed(error.into()))
}

/// The first message that a reader finds.
enum First {
    Message(Message),
    /// Its offset is outside the log, or no message stands there or after it.
    Nothing,
}

async fn first<W: Work>(lane: &Lane<W>, reader: &PartitionReader) -> Result<First, Halt> {
    let mut times = 0;
    loop {
        let received = tokio::select! {
            () = lane.stop.wait() => return Err(Halt::Stopped),
            received = timeout(PATIENCE, reader.next()) => received,
        };
        match received {
            Ok(Ok(message)) => return Ok(First::Message(message)),
            Ok(Err(ReadError::OutOfRange)) => return Ok(First::Nothing),
            Ok(Err(error)) => return Err(halt_of(error)),
            Err(_) => {
                let asked = tokio::task::block_in_place(|| lane.shared.places.watermarks(&lane.partition));
                // While the broker is away its silence says nothing.
                times += u32::from(asked.is_ok());
                if times >= PATIENCE_TIMES {
                    return Ok(First::Nothing);
                }
            }
        }
    }
}

/// Where a lane is to go on, before the log was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Start {
    place: Place,
    /// Up to where the saved state has come, and the message before that.
    state_offset: i64,
    state_mark: Option<Mark>,
}

impl Start {
    fn of(committed: Option<&Committed>, saved: Option<&Checkpoint>, marks: Watermarks) -> Self {
        let in_kafka = committed.and_then(Place::from_committed);
        let in_store = saved.map(|saved| Place {
            next_offset: saved.next_offset,
            mark: saved.mark.map(|(timestamp_ms, checksum)| Mark {
                timestamp_ms,
                checksum,
            }),
            // Builds before the fence kept the cut here.
            planned: (saved.planned_end > saved.next_offset).then_some(Planned {
                end: saved.planned_end,
                is_sent: false,
            }),
        });
        let place = match (in_kafka, in_store) {
            // Kafka has forgotten its newest places, as after a power cut.
            (Some(kafka), Some(store)) if store.next_offset > kafka.next_offset => store,
            (Some(kafka), _) => kafka,
            (None, Some(store)) => store,
            (None, None) => Place {
                next_offset: marks.low,
                ..Place::default()
            },
        };
        match in_store {
            Some(store) => Self {
                place,
                state_offset: store.next_offset,
                state_mark: store.mark,
            },
            // Without a saved state it is rebuilt from all there is.
            None => Self {
                place,
                state_offset: marks.low.min(place.next_offset),
                state_mark: None,
            },
        }
    }
}

impl Start {
    /// What was refused of the batch under way: only a note of its cut, with what follows from it, says so.
    fn refusals(&self, committed: Option<&Committed>) -> Option<Refusals> {
        let committed = committed.filter(|committed| committed.next_offset == self.place.next_offset)?;
        let planned = self.place.planned?;
        planned.is_sent.then(|| Place::refusals(committed))
    }
}

struct Opening<'a, W> {
    lane: &'a mut Lane<W>,
    producer: TransactionalProducer,
    checkpoint: Checkpoint,
    marks: Watermarks,
    start: Start,
    refusals: Option<Refusals>,
}

impl<W: Work> Opening<'_, W> {
    /// Why the log cannot be the one the place was written for, as far as that shows without reading.
    fn distrust(&mut self) -> Option<String> {
        let (place, marks) = (self.start.place, self.marks);
        if marks.high < place.next_offset {
            return Some(format!(
                "it ends at {}, before the place {}",
                marks.high, place.next_offset
            ));
        }
        self.lane.distrust.take()
    }

    async fn go_on(mut self) -> Result<Opened, Halt> {
        self.lane.work.restore(&self.checkpoint.state)?;
        let low = self.marks.low;
        let mut repeats_until = 0;
        if low > self.start.place.next_offset {
            let lost = low - self.start.place.next_offset;
            self.lane.gauges.lost.add(lost.unsigned_abs());
            tracing::error!(
                partition = %self.lane.partition,
                lost,
                "Kafka has deleted messages that were not done; retention is shorter than the pipeline was away"
            );
            // Some of the batch under way may be there, and stored.
            let planned = self.start.place.planned.filter(|planned| planned.end > low);
            repeats_until = planned.map_or(0, |planned| planned.end);
            self.start.place = Place {
                next_offset: low,
                mark: None,
                planned,
            };
            // They are counted from the batch's first message, which is gone.
            self.refusals = None;
        }
        let place = self.start.place;
        let from = self.start.state_offset.clamp(low, place.next_offset.max(low));
        // One earlier, so that what stands before the state is seen.
        let verifies = self.start.state_mark.is_some() && from == self.start.state_offset && from > low;
        let reader = reader_at(self.lane, if verifies { from - 1 } else { from })?;
        let mut ahead = VecDeque::new();
        if verifies {
            match first(self.lane, &reader).await? {
                First::Message(message)
                    if message.offset == from - 1 && Some(Mark::of(&message)) == self.start.state_mark => {}
                First::Message(_) | First::Nothing => {
                    return self
                        .start_over(format!(
                            "another message stands before {from}, where the state was saved"
                        ))
                        .await;
                }
            }
        }
        if from < place.next_offset {
            let last = self.replay(&reader, place.next_offset, &mut ahead).await?;
            if place.mark.is_some() && last != place.mark {
                let reason = format!("another message stands before the place {}", place.next_offset);
                return self.start_over(reason).await;
            }
        }
        Ok(Opened {
            producer: self.producer,
            reader,
            place,
            is_saved: from == place.next_offset && self.checkpoint.version > 0,
            checkpoint: self.checkpoint,
            ahead,
            repeats_until,
            refusals: self.refusals,
        })
    }

    /// Brings the state from where it was saved up to `end`; gives the mark of the last message before it.
    async fn replay(
        &mut self,
        reader: &PartitionReader,
        end: i64,
        ahead: &mut VecDeque<Message>,
    ) -> Result<Option<Mark>, Halt> {
        let begun = Instant::now();
        let mut replayed = 0_u64;
        let mut last = None;
        let mut batch = Vec::new();
        loop {
            let next = match first(self.lane, reader).await? {
                First::Message(message) if message.offset < end => Some(message),
                First::Message(message) => {
                    ahead.push_back(message);
                    None
                }
                First::Nothing => None,
            };
            let is_end = next.as_ref().is_none_or(|message| message.offset + 1 >= end);
            batch.extend(next);
            if is_end || batch.len() >= REPLAYED_AT_ONCE {
                replayed += batch.len() as u64;
                last = batch.last().map(Mark::of).or(last);
                self.lane.work.replay(&batch);
                batch.clear();
            }
            if is_end {
                break;
            }
        }
        tracing::info!(
            partition = %self.lane.partition,
            replayed,
            seconds = begun.elapsed().as_secs_f64(),
            "state brought up to the place"
        );
        Ok(last)
    }

    /// Begins again in a log that is another one.
    async fn start_over(self, reason: String) -> Result<Opened, Halt> {
        let old = self.start.place.next_offset.max(self.start.state_offset);
        self.lane.gauges.went_back.add(1);
        tracing::error!(
            partition = %self.lane.partition,
            reason,
            place = old,
            log_begins = self.marks.low,
            log_ends = self.marks.high,
            "Kafka's log is not the one it was; what it holds now is read, and what is stored already is left out"
        );
        self.lane.work.restore(&self.checkpoint.state)?;
        let state = Place {
            next_offset: self.start.state_offset,
            mark: self.start.state_mark,
            planned: None,
        };
        let reaches = self.marks.high >= state.next_offset && state.next_offset > self.marks.low;
        let place = if reaches && state.mark.is_some() && is_known(self.lane, state, self.marks).await? {
            state
        } else {
            Place {
                next_offset: self.marks.low,
                ..Place::default()
            }
        };
        let opened = Opened {
            reader: reader_at(self.lane, place.next_offset)?,
            producer: self.producer,
            place,
            checkpoint: self.checkpoint,
            ahead: VecDeque::new(),
            is_saved: false,
            repeats_until: old,
            refusals: None,
        };
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKS: Watermarks = Watermarks { low: 10, high: 1000 };

    fn saved(next_offset: i64, planned_end: i64) -> Checkpoint {
        Checkpoint {
            next_offset,
            planned_end,
            version: 1,
            ..Checkpoint::default()
        }
    }

    fn committed(next_offset: i64) -> Committed {
        Place {
            next_offset,
            mark: None,
            planned: Some(Planned {
                end: next_offset + 5,
                is_sent: true,
            }),
        }
        .to_committed()
    }

    fn end_of(place: Place) -> Option<i64> {
        place.planned.map(|planned| planned.end)
    }

    #[test]
    fn kafkas_place_counts_and_the_state_before_it() {
        let start = Start::of(Some(&committed(500)), Some(&saved(400, 0)), MARKS);
        assert_eq!(start.place.next_offset, 500);
        assert_eq!(end_of(start.place), Some(505));
        assert_eq!(start.state_offset, 400);
    }

    #[test]
    fn what_was_refused_counts_for_the_batch_of_its_note_alone() {
        let mut noted = committed(500);
        noted.note += " out=B";
        let refused = |saved: Option<&Checkpoint>| {
            let start = Start::of(Some(&noted), saved, MARKS);
            start.refusals(Some(&noted)).map(|refusals| refusals.contains(0))
        };
        assert_eq!(refused(Some(&saved(400, 0))), Some(true));
        assert_eq!(refused(Some(&saved(600, 0))), None);
        let start = Start::of(None, None, MARKS);
        assert_eq!(start.refusals(None), None);
    }

    #[test]
    fn a_state_beyond_kafkas_place_shows_that_kafka_forgot() {
        let start = Start::of(Some(&committed(500)), Some(&saved(600, 0)), MARKS);
        assert_eq!((start.place.next_offset, end_of(start.place)), (600, None));
    }

    #[test]
    fn without_a_place_of_ours_the_saved_one_counts() {
        let foreign = Committed {
            next_offset: 300,
            note: String::new(),
        };
        let start = Start::of(Some(&foreign), Some(&saved(400, 420)), MARKS);
        assert_eq!((start.place.next_offset, end_of(start.place)), (400, Some(420)));
        let fresh = Start::of(None, None, MARKS);
        assert_eq!((fresh.place.next_offset, fresh.state_offset), (10, 10));
    }

    #[test]
    fn without_a_state_it_is_rebuilt_from_all_there_is() {
        let start = Start::of(Some(&committed(500)), None, MARKS);
        assert_eq!((start.place.next_offset, start.state_offset), (500, 10));
    }
}
