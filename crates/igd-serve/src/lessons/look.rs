//! Pictures are looked at beside the work, for what is doubtful of them.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use igd::data::Picture;
use igd::train::survey;

use super::{Lessons, set::Set};
use crate::lock::lock;

/// What takes long is worked out again after so many times as long, so that it takes a part of one core alone.
const PAUSES: u32 = 3;
const SHORTEST_PAUSE: Duration = Duration::from_millis(300);

/// What is to be done next.
enum Step {
    Done,
    Again,
    Pause(Duration),
}

impl Lessons {
    /// Has a recipe's pictures looked at, if they have changed and nobody is at it.
    pub(super) fn look_at(self: &Arc<Self>, recipe: &str, area: Option<[u32; 4]>) {
        {
            let mut sets = self.sets();
            let Some(set) = sets.get_mut(recipe) else {
                return;
            };
            set.learn(area);
            if !set.is_stale || set.is_looked_at {
                return;
            }
            set.is_looked_at = true;
        }
        let (lessons, name) = (Arc::downgrade(self), recipe.to_owned());
        let thread = thread::Builder::new().name("survey".into());
        let started = thread.spawn(move || {
            while let Some(lessons) = lessons.upgrade().filter(|lessons| !lessons.is_stopping()) {
                let step = lessons.step(&name);
                drop(lessons);
                match step {
                    Step::Done => return,
                    Step::Again => {}
                    Step::Pause(pause) => thread::sleep(pause),
                }
            }
        });
        if started.is_err()
            && let Some(set) = self.sets().get_mut(recipe)
        {
            set.is_looked_at = false;
        }
    }

    fn step(&self, recipe: &str) -> Step {
        let unseen = self.sets().get(recipe).and_then(Set::next_unseen);
        if let Some(unseen) = unseen {
            let picture = {
                let _turn = lock(&self.decoding);
                Picture::open(&unseen.path)
            };
            if let Some(set) = self.sets().get_mut(recipe) {
                match picture {
                    Ok(picture) => set.saw(&unseen, picture),
                    // It was a picture once: it is of no use any more.
                    Err(error) if set.has(unseen.id) => {
                        tracing::warn!("{recipe}: {error}: it is removed");
                        // What cannot be removed is looked at again at the next start.
                        if set.remove(unseen.id).is_err() {
                            set.leave_out(unseen.id);
                        }
                    }
                    Err(_) => {}
                }
            }
            return Step::Again;
        }
        let start = Instant::now();
        let looks = self.sets().get(recipe).map(Set::looks);
        let (looks, is_video) = looks.unwrap_or_default();
        let (ids, looks): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
        let doubts = survey(
            &looks.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            is_video,
        );
        let mut sets = self.sets();
        let Some(set) = sets.get_mut(recipe) else {
            return Step::Done;
        };
        if set.doubt(&ids, doubts) {
            set.is_looked_at = false;
            return Step::Done;
        }
        Step::Pause(SHORTEST_PAUSE.max(PAUSES * start.elapsed()))
    }
}
