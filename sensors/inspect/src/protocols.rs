//! Which protocol a flow speaks, and what it is told.

use crate::application::{self, START_BYTES_MAX};
use crate::conversation::{Application, InspectedFlow, Known, direction_of};
use crate::protocol_host::ProtocolHost;
use crate::worker::{Scene, Worker};
use vonggac_protocol::{Next, Protocol, Side, Start, Transport};
use vonggac_protocols::REGISTRY;
use vonggac_signature::App;
use vonggac_stream::{Direction, Interest};

/// How often the protocol of one flow may give way to another.
const UPGRADES_MAX: u8 = 8;

impl Worker<'_> {
    /// Takes the next bytes of a stream to its protocol and to signatures.
    pub(crate) fn stream_data(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        data: &[u8],
    ) -> Interest {
        let kept = self.append(scene, direction, data);
        let is_told_anew = match &scene.conversation.application {
            Application::Unknown => self.identify(scene, direction, (!kept).then_some(data)),
            _ => self.feed(scene, direction, data),
        };
        if !is_told_anew {
            self.scan_stream(scene, direction, (!kept).then_some(data));
        }
        let wanted = match &scene.conversation.application {
            Application::Unknown => true,
            Application::Known(known) => !known.is_over,
            Application::Other => false,
        };
        match wanted || !scene.conversation.window(direction).closed {
            true => Interest::More,
            false => Interest::Enough,
        }
    }

    /// Tells the protocol of a stream by one direction's first bytes, which are in its window unless they are `loose`. `true` when that
    /// protocol gave way to another.
    fn identify(&mut self, scene: &mut Scene<'_>, direction: Direction, loose: Option<&[u8]>) -> bool {
        let window = scene.conversation.window(direction);
        let said = loose.unwrap_or(&window.bytes);
        let is_start = window.seen == said.len() as u64;
        let told = match is_start {
            true => application::tell(&start(scene.flow, direction, Transport::Tcp, said)),
            false => None,
        };
        let Some((place, speaker)) = told else {
            let both_spoke = scene.flow.payload_bytes.iter().all(|bytes| *bytes > 0);
            if both_spoke && (!is_start || said.len() >= START_BYTES_MAX) {
                scene.conversation.application = Application::Other;
            }
            return false;
        };
        let said = said.to_vec();
        let other = scene.conversation.window(direction.reverse());
        let is_start = other.seen == other.bytes.len() as u64;
        let answered = match is_start {
            true => other.bytes.clone(),
            false => Vec::new(),
        };
        let said = match speaker {
            Side::Client => [said, answered],
            Side::Server => [answered, said],
        };
        // The client is to the speaker what the speaker is to the client.
        let client = direction_of(speaker, direction);
        scene.conversation.is_turned = scene.flow.midstream && client == Direction::Responder;
        self.begin_protocol(scene, place, Transport::Tcp, client);
        self.feed_beginning(scene, client, said)
    }

    /// Begins to follow a protocol.
    fn begin_protocol(
        &mut self,
        scene: &mut Scene<'_>,
        place: usize,
        transport: Transport,
        client: Direction,
    ) {
        let Some(card) = REGISTRY.get(place) else { return };
        scene.conversation.app = App::at(place);
        scene.conversation.app_name = card.name;
        scene.conversation.application = Application::Known(Known {
            card,
            protocol: (card.begin)(transport),
            client,
            is_over: false,
        });
    }

    /// Feeds a protocol what client and server have said so far. `true` when it gave way to another.
    fn feed_beginning(&mut self, scene: &mut Scene<'_>, client: Direction, said: [Vec<u8>; 2]) -> bool {
        let mut is_told_anew = false;
        for (side, said) in Side::BOTH.into_iter().zip(said) {
            let direction = direction_of(side, client);
            if said.is_empty() {
                continue;
            }
            match is_told_anew {
                false => is_told_anew = self.feed(scene, direction, &said),
                true => {
                    self.stream_data(scene, direction, &said);
                }
            }
        }
        is_told_anew
    }

    /// Feeds the protocol what a direction said. `true` when it gave way to another.
    pub(crate) fn feed(&mut self, scene: &mut Scene<'_>, direction: Direction, data: &[u8]) -> bool {
        self.tell_protocol(scene, direction, |protocol, host, side| {
            protocol.data(host, side, data)
        })
    }

    /// Lets the protocol talk, unless there is none.
    pub(crate) fn with_protocol<R>(
        &mut self,
        scene: &mut Scene<'_>,
        talk: impl FnOnce(&mut dyn Protocol, &mut ProtocolHost<'_, '_, '_>) -> R,
    ) -> Option<R> {
        let mut known = scene.conversation.take_known()?;
        let mut host = ProtocolHost::new(self, scene, &known);
        let said = talk(&mut *known.protocol, &mut host);
        scene.conversation.application = Application::Known(known);
        Some(said)
    }

    /// Tells the protocol, unless it is done, what became of a direction. `true` when it gave way to another.
    pub(crate) fn tell_protocol(
        &mut self,
        scene: &mut Scene<'_>,
        direction: Direction,
        tell: impl FnOnce(&mut dyn Protocol, &mut ProtocolHost<'_, '_, '_>, Side) -> Next,
    ) -> bool {
        let (client, side) = match &scene.conversation.application {
            Application::Known(known) if !known.is_over => (known.client, known.side(direction)),
            _ => return false,
        };
        match self.with_protocol(scene, |protocol, host| tell(protocol, host, side)) {
            None | Some(Next::More) => false,
            Some(Next::Encrypted) => {
                if let Application::Known(known) = &mut scene.conversation.application {
                    known.is_over = true;
                }
                false
            }
            Some(Next::Upgrade(said)) => {
                self.identify_anew(scene, client, *said);
                true
            }
        }
    }

    /// What follows is another protocol, of which client and server have said something already.
    fn identify_anew(&mut self, scene: &mut Scene<'_>, client: Direction, said: [Vec<u8>; 2]) {
        scene.conversation.app = None;
        scene.conversation.app_before = scene.conversation.app_name;
        scene.conversation.upgrades = scene.conversation.upgrades.saturating_add(1);
        for direction in Direction::BOTH {
            self.scan_rest(scene, direction);
            // It shows what is spoken now, though no rule may have needed it any more.
            let window = scene.conversation.window(direction);
            (window.seen, window.closed) = (0, false);
        }
        scene.conversation.application = match scene.conversation.upgrades > UPGRADES_MAX {
            true => {
                self.counters.upgrade_limit += 1;
                Application::Other
            }
            false => Application::Unknown,
        };
        for (side, said) in Side::BOTH.into_iter().zip(said) {
            let direction = direction_of(side, client);
            if !said.is_empty() {
                self.stream_data(scene, direction, &said);
            }
        }
    }

    /// Tells the protocol of a datagram, unless the flow's is known.
    pub(crate) fn identify_datagram(&mut self, scene: &mut Scene<'_>, direction: Direction, payload: &[u8]) {
        if !matches!(scene.conversation.application, Application::Unknown) {
            return;
        }
        let told = application::tell(&start(scene.flow, direction, Transport::Udp, payload));
        let Some((place, speaker)) = told else { return };
        let client = direction_of(speaker, direction);
        // Who asked is not known by who was seen first, when that is an answer.
        let is_first = scene.flow.packets.iter().sum::<u64>() == 1;
        scene.conversation.is_turned = is_first && client == Direction::Responder;
        self.begin_protocol(scene, place, Transport::Udp, client);
    }
}

fn start<'a>(flow: &InspectedFlow, direction: Direction, transport: Transport, bytes: &'a [u8]) -> Start<'a> {
    Start {
        transport,
        bytes,
        ports: [flow.sender(direction).port, flow.receiver(direction).port],
    }
}
