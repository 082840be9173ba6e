//! What is passed of a stream: groups of frames around anomalies. Nothing here knows GStreamer.

use std::collections::VecDeque;

/// A running time in nanoseconds; negative before the start.
pub type Time = i64;

/// A group of pictures that reaches back further than this from what may be wanted is let go.
pub const LONGEST_GROUP: Time = 60 * 1_000_000_000;

/// Events that are reported this far ahead of their frames become one.
const MOST_PENDING: usize = 1000;

/// How much is passed around an anomalous frame.
#[derive(Clone, Copy, Debug)]
pub struct Rolls {
    pub pre: Time,
    pub post: Time,
}

/// An anomalous frame, as it was seen on whatever branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sighting {
    pub time: Time,
    pub timestamp: Option<gst::ClockTime>,
    pub stream_time: Option<gst::ClockTime>,
    pub score: f32,
    pub normalized: f32,
}

/// Anomalous frames that are near to each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The earliest frame.
    pub first: Sighting,
    /// The time of the latest frame.
    pub last: Time,
    pub frames: u64,
    /// The highest ones.
    pub score: f32,
    pub normalized: f32,
}

impl Event {
    fn new(first: Sighting) -> Self {
        Self {
            last: first.time,
            frames: 1,
            score: first.score,
            normalized: first.normalized,
            first,
        }
    }

    fn join(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        self.frames += other.frames;
        self.score = self.score.max(other.score);
        self.normalized = self.normalized.max(other.normalized);
        if other.first.time < self.first.time {
            self.first = other.first;
        }
    }
}

/// One buffer of the stream, in the order of decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<M> {
    /// When it is shown.
    pub time: Time,
    /// When it is decoded, which no later frame is shown before.
    pub decode_time: Time,
    /// It is decoded without any earlier one.
    pub key: bool,
    pub media: M,
}

/// What is to be done next. `N` is what comes between frames and stays in order.
#[derive(Debug, PartialEq)]
pub enum Action<M, N> {
    Open(Event),
    Pass(Frame<M>),
    LeaveOut(Frame<M>),
    /// The frames that are left out next are a group without end.
    LetGroupGo,
    Hand(N),
    Close(Event),
}

#[derive(Debug)]
enum Held<M, N> {
    Frame(Frame<M>),
    Note(N),
}

impl<M, N> Held<M, N> {
    fn frame(&self) -> Option<&Frame<M>> {
        match self {
            Self::Frame(frame) => Some(frame),
            Self::Note(_) => None,
        }
    }
}

/// Frames whose fate is not known, and the anomalies that decide on it.
#[derive(Debug)]
pub struct Gate<M, N> {
    held: VecDeque<Held<M, N>>,
    /// The first one is being passed where the gate is open; the others are to come, in the order of time.
    events: VecDeque<Event>,
    open: bool,
    /// The latest decode time.
    head: Option<Time>,
    actions: Vec<Action<M, N>>,
}

impl<M, N> Default for Gate<M, N> {
    fn default() -> Self {
        Self {
            held: VecDeque::new(),
            events: VecDeque::new(),
            open: false,
            head: None,
            actions: Vec::new(),
        }
    }
}

impl<M, N> Gate<M, N> {
    pub fn is_open(&self) -> bool {
        self.open
    }

    pub fn add(&mut self, frame: Frame<M>) {
        self.head = self.head.max(Some(frame.decode_time));
        self.held.push_back(Held::Frame(frame));
    }

    pub fn add_note(&mut self, note: N) {
        self.held.push_back(Held::Note(note));
    }

    /// An anomalous frame was seen.
    pub fn report(&mut self, sighting: Sighting, rolls: Rolls) {
        let crowded = self.events.len() >= MOST_PENDING;
        let event = Event::new(sighting);
        match self.events.back_mut() {
            Some(last)
                if crowded
                    || event.first.time.saturating_sub(rolls.pre)
                        <= last.last.saturating_add(rolls.post) =>
            {
                last.join(event)
            }
            _ => self.events.push_back(event),
        }
    }

    /// What is known by now, where no anomaly before `horizon` will be reported any more.
    pub fn settle(&mut self, horizon: Time, rolls: Rolls) -> Vec<Action<M, N>> {
        loop {
            self.pass(rolls);
            self.forget_missed(rolls);
            let next = self.events.get(usize::from(self.open));
            let wanted = next
                .map_or(horizon, |event| event.first.time.min(horizon))
                .saturating_sub(rolls.pre);
            self.leave_out_before(wanted);
            if !self.begin(wanted) {
                self.let_group_go(wanted);
                break;
            }
        }
        std::mem::take(&mut self.actions)
    }

    /// The end of the stream: there are no more frames nor anomalies.
    pub fn finish(&mut self, rolls: Rolls) -> Vec<Action<M, N>> {
        self.head = Some(Time::MAX);
        let mut actions = self.settle(Time::MAX, rolls);
        self.leave_out(self.held.len());
        self.close();
        actions.append(&mut self.actions);
        self.head = None;
        self.events.clear();
        actions
    }

    /// Forgets everything, and returns the event that was being passed, and the notes.
    pub fn abandon(&mut self) -> (Option<Event>, Vec<N>) {
        let gate = std::mem::take(self);
        let event = gate.events.into_iter().next().filter(|_| gate.open);
        let notes = gate.held.into_iter().filter_map(|held| match held {
            Held::Note(note) => Some(note),
            Held::Frame(_) => None,
        });
        (event, notes.collect())
    }

    /// Passes what belongs to the event, and notes that have no frame before them.
    fn pass(&mut self, rolls: Rolls) {
        let until = match self.events.front() {
            Some(event) if self.open => Some(event.last.saturating_add(rolls.post)),
            _ => None,
        };
        while let Some(held) = self.held.pop_front() {
            match held {
                Held::Note(note) => self.actions.push(Action::Hand(note)),
                Held::Frame(frame) if until.is_some_and(|until| frame.decode_time <= until) => {
                    self.actions.push(Action::Pass(frame));
                }
                // There is nothing to decode it with.
                Held::Frame(frame) if !self.open && !frame.key => {
                    self.actions.push(Action::LeaveOut(frame));
                }
                frame => {
                    self.held.push_front(frame);
                    break;
                }
            }
        }
    }

    /// Drops events whose frames are gone, if they ever came.
    fn forget_missed(&mut self, rolls: Rolls) {
        let Some(first) = self.first_held().map(|frame| frame.decode_time) else {
            return;
        };
        let to_come = usize::from(self.open);
        while let Some(event) = self.events.get(to_come)
            && event.last.saturating_add(rolls.post) < first
        {
            self.events.remove(to_come);
        }
    }

    /// Leaves out the groups before the one that `wanted` is in.
    fn leave_out_before(&mut self, wanted: Time) {
        let group = self.held.iter().rposition(|held| {
            held.frame()
                .is_some_and(|frame| frame.key && frame.time <= wanted)
        });
        self.leave_out(group.unwrap_or(0));
    }

    /// Once the frames from `wanted` on are there, the next event begins, or makes the one before longer.
    fn begin(&mut self, wanted: Time) -> bool {
        let to_come = usize::from(self.open);
        if self.events.len() <= to_come || self.head < Some(wanted) || self.first_held().is_none() {
            return false;
        }
        if !self.open {
            self.open = true;
            self.actions.push(Action::Open(self.events[0].clone()));
        } else if let Some(event) = self.events.remove(1) {
            // Nothing was left out in between.
            self.events[0].join(event);
        }
        true
    }

    /// Memory is bounded, also where key frames never come.
    fn let_group_go(&mut self, wanted: Time) {
        let reach = |frame: &Frame<M>| wanted.saturating_sub(frame.time);
        if self.head == Some(Time::MAX) || self.first_held().map(reach) <= Some(LONGEST_GROUP) {
            return;
        }
        let is_key = |held: &Held<M, N>| held.frame().is_some_and(|frame| frame.key);
        let next = (1..self.held.len()).find(|&index| is_key(&self.held[index]));
        self.actions.push(Action::LetGroupGo);
        self.leave_out(next.unwrap_or(self.held.len()));
    }

    /// Notes never stand before it.
    fn first_held(&self) -> Option<&Frame<M>> {
        self.held.front().and_then(Held::frame)
    }

    fn leave_out(&mut self, count: usize) {
        if self
            .held
            .iter()
            .take(count)
            .any(|held| held.frame().is_some())
        {
            self.close();
        }
        let actions = self.held.drain(..count).map(|held| match held {
            Held::Note(note) => Action::Hand(note),
            Held::Frame(frame) => Action::LeaveOut(frame),
        });
        self.actions.extend(actions);
    }

    fn close(&mut self) {
        if self.open {
            self.open = false;
            let event = self.events.pop_front();
            self.actions.extend(event.map(Action::Close));
        }
    }
}
