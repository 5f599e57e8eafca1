//! What a parser does when its stream is broken: bytes that were not seen, and the end.

use super::super::odd::Odd;
use super::super::start_line::{request_line, status_line, without_line_end};
use super::super::{Direction, Event};
use super::{Parser, State, VERSION_MARK};

impl Parser {
    /// Says that `bytes` of the direction were not seen. Inside a body its length goes on counting; elsewhere the
    /// parser looks for the next start line. Pull the events that follow with an empty input.
    pub fn gap(&mut self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        self.settle();
        match self.state {
            State::Done | State::Tunnel | State::Resync => {}
            State::UntilClose => self.lose(bytes),
            State::Length(remaining) => {
                self.lose(bytes.min(remaining));
                self.state = State::Length(remaining.saturating_sub(bytes));
                if bytes >= remaining {
                    self.complete();
                }
                if bytes > remaining {
                    self.lost();
                }
            }
            State::ChunkData(remaining) if bytes <= remaining => {
                self.lose(bytes);
                let left = remaining - bytes;
                self.state = if left == 0 {
                    State::ChunkEnd
                } else {
                    State::ChunkData(left)
                };
            }
            State::Start if self.line.is_empty() => self.lost(),
            _ => {
                self.anomaly(Odd::GAP);
                self.abort();
                self.lost();
            }
        }
    }

    /// Says that the direction is over. Pull the events that follow with an empty input.
    pub fn finish(&mut self) {
        self.settle();
        if self.state == State::ChunkSize && !self.has_chunks {
            self.broken_chunk();
        }
        match self.state {
            State::Done | State::Tunnel | State::Resync => {}
            State::UntilClose => self.complete(),
            State::Surplus(bytes) => {
                self.state = State::Length(bytes);
                self.go_on_with_body();
                self.complete();
            }
            State::Probe => {
                let seen = std::mem::take(&mut self.line);
                if !seen.is_empty() {
                    self.pending.push_back(Event::Tunnel(seen));
                }
            }
            State::Start if self.line.is_empty() => {}
            _ => {
                self.anomaly(Odd::UNFINISHED);
                self.abort();
            }
        }
        self.line = Vec::new();
        self.state = State::Done;
    }

    /// Decides without the bytes that were waited for.
    fn settle(&mut self) {
        match self.state {
            State::Versionless => self.end_of_head(),
            State::Blank => self.end_of_blank_head(),
            State::Doubtful if self.direction == Direction::Request && !self.line.is_empty() => {
                self.body_after_all();
            }
            State::Doubtful => self.no_body(),
            State::Junk => self.headless(),
            _ => {}
        }
    }

    /// Gives what there is of an unfinished message.
    pub(super) fn abort(&mut self) {
        self.is_damaged = true;
        match self.state {
            State::Start => self.abort_start_line(),
            State::Headers => {
                let raw = std::mem::take(&mut self.line);
                if !raw.is_empty() {
                    self.headers.push_line(&raw, without_line_end(&raw));
                }
                self.headers.finish(&[]);
                let headers = std::mem::take(&mut self.headers);
                self.give_head(headers);
                self.complete();
            }
            _ => self.complete(),
        }
    }

    fn abort_start_line(&mut self) {
        if self.direction == Direction::Response && self.line.len() < VERSION_MARK.len() {
            self.headless();
            return self.complete();
        }
        let line = std::mem::take(&mut self.line);
        let line = without_line_end(&line);
        match self.direction {
            Direction::Request => {
                let Some(head) = request_line(line).filter(|head| !head.uri.is_empty()) else {
                    return;
                };
                self.pending.push_back(Event::Request(Box::new(head)));
            }
            Direction::Response => self
                .pending
                .push_back(Event::Response(Box::new(status_line(line)))),
        }
        self.complete();
    }

    /// Counts lost bytes of a body.
    fn lose(&mut self, bytes: u64) {
        self.is_damaged = true;
        if let Some(Event::Gap(lost)) = self.pending.back_mut() {
            *lost = lost.saturating_add(bytes);
        } else {
            self.pending.push_back(Event::Gap(bytes));
        }
    }

    /// The place in the stream is unknown. The next response is taken to answer the last of the requests: hardly a client asks again before
    /// it was answered.
    pub(super) fn lost(&mut self) {
        self.line = Vec::new();
        self.line_is_cut = false;
        self.is_damaged = false;
        let last = self.requests.pop_back();
        self.requests = last.into_iter().collect();
        self.state = State::Resync;
    }
}
