//! What rules can say about application protocols: the names and keywords of the protocols' cards.

use std::collections::HashMap;
use std::num::NonZeroU8;

use vonggac_protocol::{BufferCard, Card, KeywordCard, NumberCard, Occurs, Side, Sides};

use crate::context::Direction;
use crate::unread;

/// An application protocol: the place of its card, counted from 1, so that none costs a flow no byte more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct App(NonZeroU8);

/// Most protocols of a vocabulary.
const APPS_MAX: usize = 64;

impl App {
    /// The protocol whose card is at that place.
    pub fn at(place: usize) -> Option<App> {
        let number = u8::try_from(place.saturating_add(1))
            .ok()
            .and_then(NonZeroU8::new);
        number.filter(|_| place < APPS_MAX).map(App)
    }

    pub(crate) fn place(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// Application protocols that one name stands for; none for a name whose protocol is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AppSet(u64);

impl AppSet {
    pub(crate) fn contains(self, app: App) -> bool {
        self.0 >> app.place() & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn intersects(self, other: AppSet) -> bool {
        self.0 & other.0 != 0
    }

    fn with(self, app: App) -> AppSet {
        AppSet(self.0 | 1 << app.place())
    }
}

/// A keyword about transactions: its number in a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TermId(u16);

impl TermId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What a keyword about transactions is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TermKind {
    /// A buffer to look into.
    Buffer { occurs: Occurs, is_commonplace: bool },
    /// A number to compare.
    Number(&'static NumberCard),
    /// A protocol's own keyword.
    Own(&'static KeywordCard),
}

/// Where a protocol has what a keyword speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) app: App,
    /// Its place among the buffers, numbers or keywords of the card.
    pub(crate) place: usize,
    pub(crate) sides: Sides,
    pub(crate) stage: u8,
}

/// A keyword about transactions. All protocols that have it mean the same by it.
#[derive(Debug)]
pub(crate) struct Term {
    pub(crate) keyword: &'static str,
    pub(crate) kind: TermKind,
    pub(crate) owners: Vec<Owner>,
    /// The protocol that has it, though it is not read here.
    pub(crate) unread: Option<&'static str>,
}

impl Term {
    /// Where a side of a protocol's transactions has it.
    pub(crate) fn of(&self, app: App, side: Side) -> Option<&Owner> {
        let of_app = self.owners.iter().find(|owner| owner.app == app);
        of_app.filter(|owner| owner.sides.contain(side))
    }
}

/// The names and keywords that cards declare, and those of protocols that are not read.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    cards: &'static [&'static Card],
    terms: Vec<Term>,
    keywords: HashMap<&'static str, TermId>,
    modifiers: HashMap<&'static str, TermId>,
    flags: HashMap<char, TermId>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        Vocabulary::new(&[])
    }
}

impl Vocabulary {
    /// The vocabulary of cards: of the first [`APPS_MAX`].
    pub(crate) fn new(cards: &'static [&'static Card]) -> Vocabulary {
        debug_assert!(cards.len() <= APPS_MAX, "more protocols than a set of them holds");
        let mut vocabulary = Vocabulary {
            cards,
            terms: Vec::new(),
            keywords: HashMap::new(),
            modifiers: HashMap::new(),
            flags: HashMap::new(),
        };
        for (app, card) in vocabulary.apps() {
            vocabulary.take(app, card);
        }
        for (protocol, keyword) in unread::buffers() {
            vocabulary.take_unread(protocol, keyword);
        }
        vocabulary
    }

    /// The protocols that are read.
    pub(crate) fn apps(&self) -> impl Iterator<Item = (App, &'static Card)> + use<> {
        let cards = self.cards.iter().enumerate();
        cards.filter_map(|(place, card)| Some((App::at(place)?, *card)))
    }

    /// The place of the first buffer that mostly holds the same bytes as the one at that place; the place itself if there is none.
    pub(crate) fn same_bytes(&self, app: App, side: Side, place: usize) -> usize {
        let cards = self.cards.get(app.place()).map_or(&[][..], |card| card.buffers);
        let mostly = cards.get(place).map_or(&[][..], |card| card.mostly);
        let is_one = |card: &BufferCard| card.sides.contain(side) && mostly.contains(&card.keyword);
        cards.iter().position(is_one).unwrap_or(place)
    }

    fn take(&mut self, app: App, card: &'static Card) {
        let owner = |place, sides, stage| Owner {
            app,
            place,
            sides,
            stage,
        };
        for (place, buffer) in card.buffers.iter().enumerate() {
            let BufferCard {
                occurs,
                is_commonplace,
                ..
            } = *buffer;
            let kind = TermKind::Buffer {
                occurs,
                is_commonplace,
            };
            let term = self.own(buffer.keyword, kind, owner(place, buffer.sides, buffer.stage));
            for alias in buffer.aliases {
                self.keywords.insert(alias, term);
            }
            self.modifiers.extend(buffer.modifier.map(|name| (name, term)));
            self.flags.extend(buffer.flag.map(|flag| (flag, term)));
        }
        for (place, number) in card.numbers.iter().enumerate() {
            let owner = owner(place, number.sides, number.stage);
            self.own(number.keyword, TermKind::Number(number), owner);
        }
        for (place, own) in card.keywords.iter().enumerate() {
            self.own(
                own.keyword,
                TermKind::Own(own),
                owner(place, own.sides, own.stage),
            );
        }
    }

    fn own(&mut self, keyword: &'static str, kind: TermKind, owner: Owner) -> TermId {
        let id = self.term_of(keyword, kind);
        if let Some(term) = self.terms.get_mut(id.index()) {
            term.owners.push(owner);
        }
        id
    }

    fn take_unread(&mut self, protocol: &'static str, keyword: &'static str) {
        let kind = TermKind::Buffer {
            occurs: Occurs::Many,
            is_commonplace: false,
        };
        let id = self.term_of(keyword, kind);
        if let Some(term) = self.terms.get_mut(id.index()) {
            term.unread = Some(protocol);
        }
    }

    fn term_of(&mut self, keyword: &'static str, kind: TermKind) -> TermId {
        let new = TermId(u16::try_from(self.terms.len()).unwrap_or(u16::MAX));
        let id = *self.keywords.entry(keyword).or_insert(new);
        if id == new {
            self.terms.push(Term {
                keyword,
                kind,
                owners: Vec::new(),
                unread: None,
            });
        }
        id
    }

    pub(crate) fn term(&self, id: TermId) -> Option<&Term> {
        self.terms.get(id.index())
    }

    /// The keyword of a term.
    pub(crate) fn name(&self, id: TermId) -> &'static str {
        self.term(id).map_or("", |term| term.keyword)
    }

    /// The way in which a term's messages go; `None` if that is both or not known.
    pub(crate) fn direction(&self, id: TermId) -> Option<Direction> {
        let owners = &self.term(id)?.owners;
        let only = |sides| !owners.is_empty() && owners.iter().all(|owner| owner.sides == sides);
        if only(Sides::Client) {
            Some(Direction::ToServer)
        } else if only(Sides::Server) {
            Some(Direction::ToClient)
        } else {
            None
        }
    }

    /// The term of a keyword.
    pub(crate) fn keyword(&self, keyword: &str) -> Option<(TermId, &Term)> {
        let id = *self.keywords.get(keyword)?;
        Some((id, self.term(id)?))
    }

    /// The buffer of a sticky keyword.
    pub(crate) fn buffer(&self, keyword: &str) -> Option<TermId> {
        let (id, term) = self.keyword(keyword)?;
        matches!(term.kind, TermKind::Buffer { .. }).then_some(id)
    }

    /// The buffer that an old content modifier (`content:"x"; http_uri;`) moves the content to.
    pub(crate) fn modifier(&self, keyword: &str) -> Option<TermId> {
        self.modifiers.get(keyword).copied()
    }

    /// The buffer that a flag of `pcre` selects.
    pub(crate) fn flag(&self, flag: char) -> Option<TermId> {
        self.flags.get(&flag).copied()
    }

    /// The protocols of a name; `None` for a name that no protocol has.
    pub(crate) fn protocol(&self, name: &str) -> Option<AppSet> {
        let named = self
            .apps()
            .filter(|(_, card)| card.name == name || card.aliases.contains(&name));
        let set = named.fold(AppSet::default(), |set, (app, _)| set.with(app));
        (!set.is_empty() || unread::is_protocol(name)).then_some(set)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vonggac_protocols::REGISTRY;

    #[test]
    fn names_and_keywords_are_those_of_the_cards() {
        let vocabulary = Vocabulary::new(REGISTRY);
        let http = vocabulary.protocol("http").unwrap();
        assert_eq!(vocabulary.protocol("http1"), Some(http));
        assert_ne!(vocabulary.protocol("http2"), Some(http));
        assert!(vocabulary.protocol("htpt").is_none());
        let (_, uri) = vocabulary.keyword("http.uri").unwrap();
        assert_eq!(uri.owners.len(), 1);
        assert!(http.contains(uri.owners[0].app));
        assert_eq!(vocabulary.modifier("http_uri"), vocabulary.buffer("http.uri"));
        assert_eq!(vocabulary.flag('U'), vocabulary.buffer("http.uri"));
        assert_eq!(vocabulary.buffer("dns_query"), vocabulary.buffer("dns.query"));
        let (_, ssh) = vocabulary.keyword("ssh.software").unwrap();
        assert_eq!(ssh.unread, Some("ssh"));
    }

    #[test]
    fn what_is_read_is_not_listed_as_unread() {
        let vocabulary = Vocabulary::new(REGISTRY);
        for (app, card) in vocabulary.apps() {
            assert!(!unread::is_protocol(card.name), "{}", card.name);
            let owned = vocabulary
                .terms
                .iter()
                .filter(|term| term.owners.iter().any(|owner| owner.app == app));
            for term in owned {
                assert_ne!(term.unread, Some(card.name), "{}", term.keyword);
            }
        }
    }

    #[test]
    fn a_keyword_is_of_one_kind() {
        let mut kinds = HashMap::new();
        for card in REGISTRY {
            let buffers = card.buffers.iter().map(|buffer| (buffer.keyword, "buffer"));
            let numbers = card.numbers.iter().map(|number| (number.keyword, "number"));
            let own = card.keywords.iter().map(|own| (own.keyword, "own"));
            for (keyword, kind) in buffers.chain(numbers).chain(own) {
                assert_eq!(*kinds.entry(keyword).or_insert(kind), kind, "{keyword}");
            }
        }
    }
}
