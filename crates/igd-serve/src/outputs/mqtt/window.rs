use std::collections::VecDeque;

/// Messages that are under way, in the order of sending.
pub(super) struct Window {
    flights: VecDeque<Flight>,
    most: usize,
    last_id: u16,
}

struct Flight {
    id: u16,
    /// The part that it tells of; none, where it tells of a state.
    seq: Option<i64>,
    arrived: bool,
}

impl Window {
    /// For so many at once, fewer than there are identifiers.
    pub(super) fn new(most: usize) -> Self {
        Self {
            flights: VecDeque::new(),
            most,
            last_id: 0,
        }
    }

    /// How many more may be sent now.
    pub(super) fn room(&self) -> usize {
        self.most.saturating_sub(self.flights.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// An identifier that nothing under way has.
    pub(super) fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }

    /// Something is sent, under the identifier that is returned.
    pub(super) fn send(&mut self, seq: Option<i64>) -> u16 {
        let id = self.next_id();
        self.flights.push_back(Flight {
            id,
            seq,
            arrived: false,
        });
        id
    }

    /// It need not be sent again. False: it was not under way.
    pub(super) fn arrive(&mut self, id: u16) -> bool {
        let flight = self.flights.iter_mut().find(|flight| flight.id == id);
        flight.map(|flight| flight.arrived = true).is_some()
    }

    /// Makes room of what has arrived with all before it. Returns the last part among that.
    pub(super) fn land(&mut self) -> Option<i64> {
        let mut last = None;
        while self.flights.front().is_some_and(|flight| flight.arrived) {
            last = self
                .flights
                .pop_front()
                .and_then(|flight| flight.seq)
                .or(last);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_count_in_their_order_whatever_the_order_of_acknowledgements() {
        let mut window = Window::new(4);
        let ids = [Some(7), None, Some(8), Some(11)].map(|seq| window.send(seq));
        assert_eq!(window.room(), 0);
        assert!(window.arrive(ids[2]) && window.arrive(ids[1]));
        assert_eq!(window.land(), None);
        assert!(window.arrive(ids[0]));
        assert_eq!(window.land(), Some(8));
        assert_eq!(window.room(), 3);
        assert!(!window.arrive(ids[0]), "it has landed");
        assert!(window.arrive(ids[3]));
        assert_eq!(window.land(), Some(11));
        assert!(window.is_empty());
    }

    #[test]
    fn identifiers_are_never_0() {
        let mut window = Window::new(1);
        assert!((0..200_000).all(|_| window.next_id() != 0));
    }
}
