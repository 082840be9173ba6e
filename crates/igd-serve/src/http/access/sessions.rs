//! Who has logged in at the page.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::token::{digest, random_hex};
use crate::http::Caller;

/// A shift, and some of the next.
pub(super) const LASTS: Duration = Duration::from_secs(12 * 3600);
/// At once; the oldest goes for another.
const MOST: usize = 1000;

/// By the digest of their identifier, so that no comparison tells of one.
#[derive(Default)]
pub(super) struct Sessions(HashMap<[u8; 32], Session>);

struct Session {
    caller: Caller,
    began: Instant,
}

impl Sessions {
    /// Begins one, and returns its identifier.
    pub fn begin(&mut self, caller: Caller, now: Instant) -> String {
        self.0
            .retain(|_, session| now.duration_since(session.began) < LASTS);
        if self.0.len() >= MOST
            && let Some((oldest, _)) = self.0.iter().min_by_key(|(_, session)| session.began)
        {
            let oldest = *oldest;
            self.0.remove(&oldest);
        }
        let id = random_hex();
        self.0.insert(digest(&id), Session { caller, began: now });
        id
    }

    pub fn caller(&self, id: &str, now: Instant) -> Option<Caller> {
        let session = self.0.get(&digest(id))?;
        (now.duration_since(session.began) < LASTS).then(|| session.caller.clone())
    }

    pub fn end(&mut self, id: &str) {
        self.0.remove(&digest(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_told_to_and_after_half_a_day() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let [one, other] = [(); 2].map(|()| sessions.begin(Caller::anyone(), now));
        assert_ne!(one, other);
        sessions.end(&one);
        assert_eq!(sessions.caller(&one, now), None);
        assert_eq!(sessions.caller("", now), None);
        assert_eq!(sessions.caller(&other, now), Some(Caller::anyone()));
        assert_eq!(sessions.caller(&other, now + LASTS), None);
    }

    #[test]
    fn a_thousand_sessions_are_enough() {
        let mut sessions = Sessions::default();
        let now = Instant::now();
        let begin = |sessions: &mut Sessions, number| {
            sessions.begin(Caller::anyone(), now + Duration::from_millis(number))
        };
        let first = begin(&mut sessions, 0);
        let second = begin(&mut sessions, 1);
        for number in 2..=MOST as u64 {
            begin(&mut sessions, number);
        }
        assert_eq!(sessions.0.len(), MOST);
        assert_eq!(sessions.caller(&first, now), None);
        assert!(sessions.caller(&second, now).is_some());
    }
}
