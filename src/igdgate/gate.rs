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
pub struct AnomalyEvent {
    /// The earliest frame.
    pub first: Sighting,
    /// The time of the latest frame.
    pub last: Time,
    pub frames: u64,
    /// The highest ones.
    pub score: f32,
    pub normalized: f32,
}

impl AnomalyEvent {
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
    Open(AnomalyEvent),
    Pass(Frame<M>),
    LeaveOut(Frame<M>),
    /// The frames that are left out next are a group without end.
    LetGroupGo,
    Hand(N),
    Close(AnomalyEvent),
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
    events: VecDeque<AnomalyEvent>,
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
        let event = AnomalyEvent::new(sighting);
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
            if !self.begin(wanted, horizon) {
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
    pub fn abandon(&mut self) -> (Option<AnomalyEvent>, Vec<N>) {
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
    fn begin(&mut self, wanted: Time, horizon: Time) -> bool {
        // An earlier anomaly may still be reported where frames are not decoded in the order in which they are shown.
        let next = self.events.get(usize::from(self.open));
        if next.is_none_or(|event| event.first.time > horizon)
            || self.head < Some(wanted)
            || self.first_held().is_none()
        {
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

#[cfg(test)]
mod tests {
    use super::*;

    type TestGate = Gate<(), char>;

    const ROLLS: Rolls = Rolls { pre: 3, post: 2 };

    fn frame(time: Time, decode_time: Time, key: bool) -> Frame<()> {
        Frame {
            time,
            decode_time,
            key,
            media: (),
        }
    }

    fn sighting(time: Time) -> Sighting {
        Sighting {
            time,
            ..Sighting::default()
        }
    }

    /// What happened, in short: times of passed frames, and `(` and `)` around events.
    fn tell(actions: Vec<Action<(), char>>) -> String {
        let words = actions.into_iter().filter_map(|action| match action {
            Action::Open(event) => Some(format!("({}:", event.first.time)),
            Action::Pass(frame) => Some(frame.time.to_string()),
            Action::LeaveOut(_) => None,
            Action::LetGroupGo => Some("long".to_owned()),
            Action::Hand(note) => Some(note.to_string()),
            Action::Close(event) => Some(format!("{})", event.last)),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Frames that carry their results.
    fn run(frames: impl IntoIterator<Item = Frame<()>>, anomalous: &[Time]) -> String {
        let mut gate = TestGate::default();
        let mut actions = Vec::new();
        for frame in frames {
            if anomalous.contains(&frame.time) {
                gate.report(sighting(frame.time), ROLLS);
            }
            let horizon = gate.head.max(Some(frame.decode_time)).unwrap();
            gate.add(frame);
            actions.extend(gate.settle(horizon, ROLLS));
        }
        actions.extend(gate.finish(ROLLS));
        tell(actions)
    }

    fn raw(times: std::ops::Range<Time>) -> impl Iterator<Item = Frame<()>> {
        times.map(|time| frame(time, time, true))
    }

    /// Groups of six in the order of decoding: I P b b P b, each decoded two before it is shown at the earliest.
    fn encoded(groups: Time) -> impl Iterator<Item = Frame<()>> {
        let order = [0, 3, 1, 2, 5, 4];
        (0..groups * 6).map(move |index| {
            let time = index / 6 * 6 + order[(index % 6) as usize];
            frame(time, index - 2, index % 6 == 0)
        })
    }

    #[test]
    fn raw_frames_pass_around_an_anomaly() {
        assert_eq!(run(raw(0..30), &[10]), "(10: 7 8 9 10 11 12 10)");
        assert_eq!(run(raw(0..30), &[]), "");
    }

    #[test]
    fn the_stream_may_begin_and_end_with_an_anomaly() {
        assert_eq!(run(raw(0..9), &[0]), "(0: 0 1 2 0)");
        assert_eq!(run(raw(0..9), &[1, 8]), "(1: 0 1 2 3 1) (8: 5 6 7 8 8)");
        assert_eq!(run(raw(0..1), &[0]), "(0: 0 0)");
    }

    #[test]
    fn events_are_apart_where_something_is_left_out() {
        // 16 - 3 is the frame after 10 + 2.
        assert_eq!(
            run(raw(0..30), &[10, 16]),
            "(10: 7 8 9 10 11 12 13 14 15 16 17 18 16)"
        );
        assert_eq!(
            run(raw(0..30), &[10, 17]),
            "(10: 7 8 9 10 11 12 10) (17: 14 15 16 17 18 19 17)"
        );
    }

    #[test]
    fn no_rolls_pass_the_frame_itself() {
        let mut gate = TestGate::default();
        let rolls = Rolls { pre: 0, post: 0 };
        let mut actions = Vec::new();
        for frame in raw(0..9) {
            if frame.time == 4 {
                gate.report(sighting(4), rolls);
            }
            let horizon = frame.time;
            gate.add(frame);
            actions.extend(gate.settle(horizon, rolls));
        }
        assert_eq!(tell(actions), "(4: 4 4)");
    }

    #[test]
    fn encoded_streams_begin_with_a_key_frame() {
        // 16 - 3 lies in the group that begins at 12; all frames until 18 are there, in the order of decoding.
        assert_eq!(
            run(encoded(6), &[16]),
            "(16: 12 15 13 14 17 16 18 21 19 16)"
        );
        // 15 - 3 is the key frame itself.
        assert!(run(encoded(6), &[15]).starts_with("(15: 12 15"));
        assert!(run(encoded(6), &[14]).starts_with("(14: 6 9"));
    }

    #[test]
    fn a_group_that_was_begun_goes_on() {
        // The pre-roll of 21 begins in the group that the first event stopped in.
        let told = run(encoded(6), &[14, 21]);
        assert_eq!(told.matches('(').count(), 1, "{told}");
        let mut passed: Vec<Time> = told
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        passed.sort_unstable();
        passed.dedup();
        assert!(
            passed.windows(2).all(|pair| pair[1] - pair[0] <= 3),
            "{told}"
        );
        assert_eq!(passed.first(), Some(&6));
    }

    #[test]
    fn frames_without_a_key_frame_are_left_out() {
        assert_eq!(run(encoded(3).skip(2), &[1]), "");
        assert!(run(encoded(3).skip(2), &[5]).starts_with("(5: 6 9"));
    }

    #[test]
    fn results_may_come_before_their_frames() {
        let mut gate = TestGate::default();
        gate.report(sighting(10), ROLLS);
        gate.report(sighting(20), ROLLS);
        let mut actions = Vec::new();
        for frame in raw(0..30) {
            gate.add(frame);
            actions.extend(gate.settle(25, ROLLS));
            assert!(gate.held.len() <= 8, "{}", gate.held.len());
        }
        actions.extend(gate.finish(ROLLS));
        assert_eq!(
            tell(actions),
            "(10: 7 8 9 10 11 12 10) (20: 17 18 19 20 21 22 20)"
        );
    }

    #[test]
    fn results_may_come_after_their_frames() {
        let mut gate = TestGate::default();
        let mut actions = Vec::new();
        for frame in raw(0..30) {
            let judged = frame.time - 10;
            if judged == 10 {
                gate.report(sighting(10), ROLLS);
            }
            gate.add(frame);
            actions.extend(gate.settle(judged, ROLLS));
            assert!(gate.held.len() <= 14, "{}", gate.held.len());
        }
        actions.extend(gate.finish(ROLLS));
        assert_eq!(tell(actions), "(10: 7 8 9 10 11 12 10)");
    }

    #[test]
    fn results_that_come_too_late_open_nothing() {
        let mut gate = TestGate::default();
        raw(0..30).for_each(|frame| gate.add(frame));
        assert_eq!(tell(gate.settle(30, ROLLS)), "");
        gate.report(sighting(10), ROLLS);
        assert_eq!(tell(gate.settle(30, ROLLS)), "");
        assert!(gate.events.is_empty() && !gate.is_open());
    }

    #[test]
    fn a_group_without_end_is_let_go() {
        let second = 1_000_000_000;
        let mut gate = TestGate::default();
        let mut told = Vec::new();
        for time in 0..200 {
            gate.add(frame(
                time * second,
                time * second,
                time == 0 || time == 150,
            ));
            told.extend(gate.settle(time * second, ROLLS));
            assert!(gate.held.len() <= 62, "{}", gate.held.len());
        }
        gate.report(sighting(199 * second), ROLLS);
        told.extend(gate.settle(199 * second, ROLLS));
        let told = tell(told);
        assert!(
            told.starts_with("long (199000000000: 150000000000 151000000000 "),
            "{told}"
        );
    }

    #[test]
    fn events_to_come_are_bounded() {
        let mut gate = TestGate::default();
        for time in 0..2 * MOST_PENDING {
            gate.report(sighting(time as Time * 100), ROLLS);
        }
        assert_eq!(gate.events.len(), MOST_PENDING);
        assert_eq!(
            gate.events.back().unwrap().last,
            (2 * MOST_PENDING as Time - 1) * 100
        );
    }

    #[test]
    fn notes_keep_their_place() {
        let mut gate = TestGate::default();
        gate.add_note('a');
        assert_eq!(tell(gate.settle(0, ROLLS)), "a");
        let mut actions = Vec::new();
        for held in raw(0..12) {
            if held.time % 4 == 0 {
                gate.add_note(char::from(b'a' + held.time as u8));
            }
            gate.add(held);
            actions.extend(gate.settle(0, ROLLS));
        }
        // Frames are held, and what is behind them with them.
        assert_eq!(tell(std::mem::take(&mut actions)), "a");
        gate.report(sighting(9), ROLLS);
        assert_eq!(tell(gate.settle(11, ROLLS)), "e (9: 6 7 i 8 9 10 11");
        gate.add_note('z');
        assert_eq!(tell(gate.finish(ROLLS)), "z 9)");
    }

    #[test]
    fn an_event_sums_up_its_frames() {
        let mut gate = TestGate::default();
        for (time, score) in [(4, 0.5), (3, 2.0), (5, 1.0)] {
            let sighting = Sighting {
                score,
                normalized: score / 4.0,
                ..sighting(time)
            };
            gate.report(sighting, ROLLS);
        }
        let event = &gate.events[0];
        assert_eq!((event.first.time, event.last, event.frames), (3, 5, 3));
        assert_eq!((event.score, event.normalized), (2.0, 0.5));
    }

    #[test]
    fn abandoning_tells_what_was_open() {
        let mut gate = TestGate::default();
        raw(0..5).for_each(|frame| gate.add(frame));
        gate.add_note('n');
        gate.report(sighting(2), ROLLS);
        assert_eq!(tell(gate.settle(4, ROLLS)), "(2: 0 1 2 3 4 n");
        gate.add(frame(9, 9, true));
        gate.add_note('o');
        let (event, notes) = gate.abandon();
        assert_eq!((event.unwrap().first.time, notes), (2, vec!['o']));
        assert!(!gate.is_open());
        assert_eq!(gate.abandon(), (None, vec![]));
    }
}
